// Writing what a client is answered.
#pragma once

#include <chrono>
#include <cstdint>
#include <vector>

#include "mep/dns/answer.h"
#include "mep/dns/name_table.h"
#include "mep/dns/query.h"

namespace sluice::mep::dns {

enum class Transport : uint8_t { kUdp, kTcp };

// Octets that a response to `query` may have.
size_t room_for(const Query& query, Transport transport);

// Each replaces `out` with a response to `query`: its id, question, RD and CD, and an OPT record if
// it has one, with DO as it was asked. One that is longer than `room` is cut off behind the
// question with TC set, so that no half of a record set is ever taken for the whole.
// `subnet`: the client's own option goes back to it, with the number of bits that the answer is
// good for (RFC 7871 §7.2.1); null: the option is not spoken here.
struct ResponseForm {
  size_t room = kMaxMessage;
  const ClientSubnet* subnet = nullptr;
};

void write_error(const Query& query, Rcode rcode, const ResponseForm& form,
                 std::vector<uint8_t>& out);
// Addresses of one family, or NODATA.
void write_addresses(const Query& query, const std::vector<NameAddress>& addresses, uint16_t type,
                     const ResponseForm& form, std::vector<uint8_t>& out);
// To a question for ANY: that it is not answered (RFC 8482 §4.2).
void write_any(const Query& query, const ResponseForm& form, std::vector<uint8_t>& out);
// What an upstream resolver said `age` ago. With `name_exists`, NXDOMAIN becomes NODATA: a rule
// gives the name addresses, and a client that believed the former would not ask for them
// (RFC 8020).
void write_forwarded(const Query& query, const Answer& answer, std::chrono::seconds age,
                     bool name_exists, const ResponseForm& form, std::vector<uint8_t>& out);

}  // namespace sluice::mep::dns
