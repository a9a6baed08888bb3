// What an upstream resolver answered, in a form that is kept and sent on.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/error.h"
#include "mep/dns/client_subnet.h"
#include "mep/dns/wire.h"

namespace sluice::mep::dns {

struct Answer {
  std::vector<uint8_t> wire;       // the message without its OPT record
  std::vector<uint16_t> ttls_at;   // offsets of its TTLs
  Rcode rcode = Rcode::kServFail;  // extended bits included
  bool authentic = false;          // AD
  // How long it may be kept; zero: not at all. The smallest TTL, at most a day; of a negative
  // answer also the minimum of its SOA, at most three hours, and zero without one (RFC 2308 §5).
  std::chrono::seconds lifetime{0};
  uint8_t subnet_scope = 0;  // of its client subnet option, 0 without
};

// Reads a response whose id and question have been compared already. Refuses what ldns cannot
// parse to the end, and an answer for another subnet than was `told` (RFC 7871 §7.3).
Result<Answer> read_answer(Bytes response, const std::optional<ClientSubnet>& told);

}  // namespace sluice::mep::dns
