#include "mep/dns/response.h"

#include <algorithm>
#include <string_view>

namespace sluice::mep::dns {
namespace {

constexpr uint32_t kAnyTtlS = 3600;

void begin(const Query& query, Rcode rcode, std::vector<uint8_t>& out) {
  out.clear();
  put_u16(out, query.id);
  const auto kept =
      query.flags & (flag::kOpcode | flag::kRecursionDesired | flag::kCheckingDisabled);
  put_u16(out, static_cast<uint16_t>(flag::kResponse | flag::kRecursionAvailable | kept |
                                     (static_cast<uint16_t>(rcode) & flag::kRcode)));
  put_u16(out, query.question.empty() ? 0 : 1);
  out.resize(kHeaderBytes);
  put_bytes(out, query.question);
}

void put_opt(const Query& query, Rcode rcode, const ResponseForm& form, std::vector<uint8_t>& out) {
  out.push_back(0);
  put_u16(out, type::kOpt);
  put_u16(out, kOwnUdpPayload);
  out.push_back(static_cast<uint8_t>(static_cast<uint16_t>(rcode) >> 4));
  out.push_back(0);  // version
  put_u16(out, query.edns->dnssec_ok ? kDnssecOk : 0);
  const size_t length_at = out.size();
  put_u16(out, 0);
  if (form.subnet != nullptr) {
    put_client_subnet(out, *form.subnet);
    set_u16(out, length_at, static_cast<uint16_t>(out.size() - length_at - 2));
  }
  set_u16(out, 10, static_cast<uint16_t>(get_u16(out, 10) + 1));
}

void finish(const Query& query, Rcode rcode, const ResponseForm& form, std::vector<uint8_t>& out) {
  if (query.edns) put_opt(query, rcode, form, out);
  if (out.size() <= form.room) return;
  const auto flags = static_cast<uint16_t>(get_u16(out, 2) | flag::kTruncated);
  out.resize(kHeaderBytes + query.question.size());
  set_u16(out, 2, flags);
  std::fill(out.begin() + 6, out.begin() + kHeaderBytes, uint8_t{0});
  if (query.edns) put_opt(query, rcode, form, out);
}

void put_record_head(std::vector<uint8_t>& out, uint16_t record_type, uint32_t ttl_s,
                     size_t data_bytes) {
  put_u16(out, kNamePointer);
  put_u16(out, record_type);
  put_u16(out, kClassIn);
  put_u32(out, ttl_s);
  put_u16(out, static_cast<uint16_t>(data_bytes));
  set_u16(out, 6, static_cast<uint16_t>(get_u16(out, 6) + 1));
}

void put_text(std::vector<uint8_t>& out, std::string_view text) {
  out.push_back(static_cast<uint8_t>(text.size()));
  out.insert(out.end(), text.begin(), text.end());
}

}  // namespace

size_t room_for(const Query& query, Transport transport) {
  if (transport == Transport::kTcp) return kMaxMessage;
  if (!query.edns) return kMinUdpPayload;
  return std::clamp<size_t>(query.edns->payload, kMinUdpPayload, kOwnUdpPayload);
}

void write_error(const Query& query, Rcode rcode, const ResponseForm& form,
                 std::vector<uint8_t>& out) {
  begin(query, rcode, out);
  finish(query, rcode, form, out);
}

void write_addresses(const Query& query, const std::vector<NameAddress>& addresses, uint16_t type,
                     const ResponseForm& form, std::vector<uint8_t>& out) {
  begin(query, Rcode::kNoError, out);
  const size_t length = type == type::kA ? 4 : 16;
  for (const auto& [address, ttl_s] : addresses) {
    put_record_head(out, type, ttl_s, length);
    put_bytes(out, Bytes(address.v6().bytes()).last(length));
  }
  finish(query, Rcode::kNoError, form, out);
}

void write_any(const Query& query, const ResponseForm& form, std::vector<uint8_t>& out) {
  constexpr std::string_view kCpu = "RFC8482";
  begin(query, Rcode::kNoError, out);
  put_record_head(out, type::kHinfo, kAnyTtlS, kCpu.size() + 2);
  put_text(out, kCpu);
  put_text(out, "");
  finish(query, Rcode::kNoError, form, out);
}

void write_forwarded(const Query& query, const Answer& answer, std::chrono::seconds age,
                     bool name_exists, const ResponseForm& form, std::vector<uint8_t>& out) {
  Rcode rcode = answer.rcode;
  if (rcode == Rcode::kNxDomain && name_exists) rcode = Rcode::kNoError;
  begin(query, rcode, out);
  // AD is for those who asked for it (RFC 6840 §5.8).
  const bool tells_authentic = answer.authentic && ((query.flags & flag::kAuthenticData) != 0 ||
                                                    (query.edns && query.edns->dnssec_ok));
  if (tells_authentic) {
    set_u16(out, 2, static_cast<uint16_t>(get_u16(out, 2) | flag::kAuthenticData));
  }
  std::copy(answer.wire.begin() + 6, answer.wire.begin() + kHeaderBytes, out.begin() + 6);
  // The question has the same length in both: pointers hold, and point to the client's own case.
  put_bytes(out, Bytes(answer.wire).subspan(out.size()));
  if (age.count() > 0) {
    for (const auto at : answer.ttls_at) {
      const int64_t left = int64_t{get_u32(out, at)} - age.count();
      set_u32(out, at, static_cast<uint32_t>(std::max<int64_t>(left, 0)));
    }
  }
  finish(query, rcode, form, out);
}

}  // namespace sluice::mep::dns
