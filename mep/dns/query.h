// Reading what a client asks.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "mep/dns/client_subnet.h"
#include "mep/dns/wire.h"

namespace sluice::mep::dns {

struct Edns {
  uint16_t payload = 0;  // what the client takes over UDP, octets
  uint8_t version = 0;
  bool dnssec_ok = false;
  std::optional<ClientSubnet> subnet;
};

// A query with one question.
struct Query {
  uint16_t id = 0;
  uint16_t flags = 0;
  Bytes question;  // name, type and class as they came, within the message; may be empty on errors
  uint16_t type = 0;
  uint16_t question_class = 0;
  std::optional<Edns> edns;

  // The name in wire format with its final zero octet, lower case.
  std::string_view name() const { return {name_.data(), name_bytes_}; }

 private:
  friend Rcode read_query(Bytes message, Query& out);
  bool read_question(Bytes message);

  std::array<char, kMaxName> name_{};
  size_t name_bytes_ = 0;
};

// Whether a message may be answered at all: what is shorter than a header or is a response itself
// is met with silence.
bool deserves_answer(Bytes message);

// Fills `out` from a message that deserves an answer. kNoError, or what to answer: kNotImp (another
// opcode than QUERY) or kFormErr (not exactly one question, records where none belong, a signature,
// two OPT records, cut short, trailing octets).
Rcode read_query(Bytes message, Query& out);

}  // namespace sluice::mep::dns
