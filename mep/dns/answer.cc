#include "mep/dns/answer.h"

#include <ldns/ldns.h>

#include <algorithm>
#include <memory>

namespace sluice::mep::dns {
namespace {

using std::chrono::seconds;

constexpr seconds kLongest = std::chrono::hours(24);
constexpr seconds kLongestNegative = std::chrono::hours(3);

using Packet = std::unique_ptr<ldns_pkt, decltype(&ldns_pkt_free)>;

Result<void> check_subnet(const ldns_pkt& packet, const std::optional<ClientSubnet>& told,
                          Answer& answer) {
  const ldns_rdf* options = ldns_pkt_edns_data(&packet);
  if (options == nullptr) return {};
  ByteReader reader(Bytes(ldns_rdf_data(options), ldns_rdf_size(options)));
  while (!reader.empty()) {
    const auto code = reader.u16();
    const auto length = reader.u16();
    if (!code || !length) return fail(ErrorCode::kInvalidArgument, "EDNS options are cut short");
    const auto data = reader.take(*length);
    if (!data) return fail(ErrorCode::kInvalidArgument, "EDNS options are cut short");
    if (*code != kOptionSubnet) continue;
    const auto subnet = read_client_subnet(*data);
    // An option that was not asked for says nothing (RFC 7871 §7.3).
    if (!told || told->source == 0) continue;
    if (!subnet) return fail(ErrorCode::kInvalidArgument, "malformed client subnet");
    if (subnet->family != told->family || subnet->source != told->source ||
        subnet->address != told->address) {
      return fail(ErrorCode::kInvalidArgument, "answers for another client subnet");
    }
    answer.subnet_scope = subnet->scope;
  }
  return {};
}

// Without the OPT record, which is for one hop only.
Result<std::vector<uint8_t>> without_opt(ldns_pkt& packet) {
  ldns_pkt_set_edns_udp_size(&packet, 0);
  ldns_pkt_set_edns_extended_rcode(&packet, 0);
  ldns_pkt_set_edns_version(&packet, 0);
  ldns_pkt_set_edns_z(&packet, 0);
  ldns_rdf_deep_free(ldns_pkt_edns_data(&packet));
  ldns_pkt_set_edns_data(&packet, nullptr);
  packet._edns_present = 0;  // has no setter
  uint8_t* raw = nullptr;
  size_t size = 0;
  const auto status = ldns_pkt2wire(&raw, &packet, &size);
  const std::unique_ptr<uint8_t, decltype(&free)> owner(raw, &free);
  if (status != LDNS_STATUS_OK) {
    return fail(ErrorCode::kInvalidArgument, "{}", ldns_get_errorstr_by_id(status));
  }
  return std::vector<uint8_t>(raw, raw + size);
}

// The last field of an SOA record is the TTL of negative answers.
uint32_t soa_minimum(const Record& record) {
  return record.data.size() < 22 ? 0 : get_u32(record.data, record.data.size() - 4);
}

// TTLs with the highest bit mean nothing (RFC 2181 §8).
seconds ttl_of(uint32_t ttl_s) { return seconds(ttl_s >> 31 != 0 ? 0 : ttl_s); }

void find_lifetime(Answer& answer) {
  const size_t question_end = *skip_name(answer.wire, kHeaderBytes) + 4;
  const uint16_t asked = get_u16(answer.wire, question_end - 4);
  seconds lifetime = kLongest;
  std::optional<seconds> negative;  // of the SOA in the authority section
  bool answered = false;
  each_record(answer.wire, [&](const Record& record) {
    answer.ttls_at.push_back(static_cast<uint16_t>(record.ttl_at));
    lifetime = std::min(lifetime, ttl_of(record.ttl_s));
    if (record.section == Record::Section::kAnswer && record.type == asked) answered = true;
    if (record.section == Record::Section::kAuthority && record.type == type::kSoa) {
      negative = std::min(ttl_of(soa_minimum(record)), kLongestNegative);
    }
  });
  const bool is_negative = answer.rcode == Rcode::kNxDomain || !answered;
  if (is_negative) lifetime = std::min(lifetime, negative.value_or(seconds(0)));
  const bool is_final = answer.rcode == Rcode::kNoError || answer.rcode == Rcode::kNxDomain;
  answer.lifetime = is_final ? lifetime : seconds(0);
}

}  // namespace

Result<Answer> read_answer(Bytes response, const std::optional<ClientSubnet>& told) {
  ldns_pkt* raw = nullptr;
  const auto status = ldns_wire2pkt(&raw, response.data(), response.size());
  if (status != LDNS_STATUS_OK) {
    return fail(ErrorCode::kInvalidArgument, "{}", ldns_get_errorstr_by_id(status));
  }
  const Packet packet(raw, &ldns_pkt_free);
  Answer answer;
  answer.rcode =
      static_cast<Rcode>(ldns_pkt_get_rcode(raw) | ldns_pkt_edns_extended_rcode(raw) << 4);
  answer.authentic = ldns_pkt_ad(raw);
  if (auto ok = check_subnet(*raw, told, answer); !ok) return std::unexpected(ok.error());
  auto wire = without_opt(*raw);
  if (!wire) return std::unexpected(wire.error());
  answer.wire = std::move(*wire);
  if (!each_record(answer.wire, [](const Record&) {})) {
    return fail(ErrorCode::kInvalidArgument, "records do not fill the message");
  }
  find_lifetime(answer);
  return answer;
}

}  // namespace sluice::mep::dns
