// Answers DNS queries in the data path, in place.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "upf-dataplane/dns/dns_table.h"

namespace sluice::upf {

struct DnsAnswer {
  size_t bytes = 0;                   // of the response message
  const DnsAddress* first = nullptr;  // what was answered with; null for NODATA
};

// Turns the query in `message` (its first `query_bytes` bytes; the rest is room) into its response.
// Nothing, and an untouched message, when the query is not ours to answer and should pass to the
// resolver it was sent to: another opcode, not exactly one question, a name without a rule, a class
// other than IN, a type that rules say nothing about, EDNS other than version 0, a transaction
// signature, no room, or anything malformed.
//
// For a name with a rule, A and AAAA are answered, NODATA where the family has no rule, and so are
// HTTPS and SVCB (RFC 9460), whose address hints would lead round the rule.
std::optional<DnsAnswer> answer_dns(std::span<uint8_t> message, size_t query_bytes,
                                    const DnsTable& table);

}  // namespace sluice::upf
