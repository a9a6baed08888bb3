#include "mep/dns/query.h"

namespace sluice::mep::dns {
namespace {

// False when an option runs over the end or the client's subnet is malformed.
bool read_options(Bytes options, Edns& out) {
  ByteReader reader(options);
  while (!reader.empty()) {
    const auto code = reader.u16();
    const auto length = reader.u16();
    if (!code || !length) return false;
    const auto data = reader.take(*length);
    if (!data) return false;
    if (*code == kOptionSubnet) {
      out.subnet = read_client_subnet(*data);
      if (!out.subnet) return false;
    }
  }
  return true;
}

// The type of a record that signs the message; without its key it cannot be checked.
constexpr uint16_t kTypeTsig = 250;

}  // namespace

bool deserves_answer(Bytes message) {
  return message.size() >= kHeaderBytes && (get_u16(message, 2) & flag::kResponse) == 0;
}

bool Query::read_question(Bytes message) {
  size_t at = kHeaderBytes;
  name_bytes_ = 0;
  for (;;) {
    if (at >= message.size()) return false;
    const size_t label = message[at];
    // A pointer has no place in the first name of a message.
    if (label > 63 || at + label + 1 > message.size()) return false;
    if (name_bytes_ + label + 1 > kMaxName) return false;
    name_[name_bytes_++] = static_cast<char>(label);
    ++at;
    for (size_t i = 0; i < label; ++i, ++at) {
      const uint8_t c = message[at];
      name_[name_bytes_++] = static_cast<char>(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
    }
    if (label == 0) break;
  }
  if (at + 4 > message.size()) return false;
  type = get_u16(message, at);
  question_class = get_u16(message, at + 2);
  question = message.subspan(kHeaderBytes, at + 4 - kHeaderBytes);
  return true;
}

Rcode read_query(Bytes message, Query& out) {
  out.id = get_u16(message, 0);
  out.flags = get_u16(message, 2);
  out.question = {};
  out.edns.reset();
  if ((out.flags & flag::kOpcode) != 0) return Rcode::kNotImp;
  if (get_u16(message, 4) != 1 || get_u16(message, 6) != 0 || get_u16(message, 8) != 0) {
    return Rcode::kFormErr;
  }
  if (!out.read_question(message)) return Rcode::kFormErr;
  if (get_u16(message, 10) == 0) {  // the common short form
    const bool ends = message.size() == kHeaderBytes + out.question.size();
    return ends ? Rcode::kNoError : Rcode::kFormErr;
  }
  bool good = true;
  const bool whole = each_record(message, [&](const Record& record) {
    if (record.type == kTypeTsig) good = false;
    if (record.type != type::kOpt) return;
    if (!record.at_root || out.edns) {
      good = false;
      return;
    }
    Edns edns{.payload = record.record_class,
              .version = static_cast<uint8_t>(record.ttl_s >> 16),
              .dnssec_ok = (record.ttl_s & kDnssecOk) != 0,
              .subnet = {}};
    // What the options of other versions look like is not known (RFC 6891 §6.1.3: BADVERS).
    if (edns.version == 0 && !read_options(record.data, edns)) good = false;
    out.edns = edns;
  });
  return whole && good ? Rcode::kNoError : Rcode::kFormErr;
}

}  // namespace sluice::mep::dns
