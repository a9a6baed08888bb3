#include "mep/app-enablement/timing_config.h"

#include "traffic-rules/domain_name.h"

namespace sluice::mep {
namespace {

constexpr int64_t kMaxNumber = 0xffff'ffff;  // Uint32 of MEC 011

Result<std::string> parse_host(std::string_view text) {
  if (IpAddress::parse(text)) return std::string(text);
  const auto name = traffic_rules::DomainName::parse(text);
  if (name && !name->wildcard) return std::string(text);
  return fail(ErrorCode::kInvalidArgument, "'{}' is neither an address nor a name", text);
}

NtpServer read_ntp_server(ConfigNode node) {
  NtpServer out;
  out.address = node.required_parsed<std::string>("address", parse_host);
  out.min_poll_log2 = static_cast<uint8_t>(node.integer("min_poll_log2", 6, 3, 17));
  out.max_poll_log2 = static_cast<uint8_t>(node.integer("max_poll_log2", 10, 3, 17));
  if (out.min_poll_log2 > out.max_poll_log2) {
    node.problem("max_poll_log2", "is below min_poll_log2");
  }
  out.local_priority = static_cast<uint32_t>(node.integer("priority", 0, 0, kMaxNumber));
  const auto authentication =
      node.choice("authentication", "none", {"none", "symmetric_key", "auto_key"});
  if (authentication == "symmetric_key") {
    out.authentication = NtpServer::Authentication::kSymmetricKey;
  } else if (authentication == "auto_key") {
    out.authentication = NtpServer::Authentication::kAutoKey;
  }
  out.key_number = static_cast<uint32_t>(node.integer("key_number", 0, 0, kMaxNumber));
  return out;
}

PtpMaster read_ptp_master(ConfigNode node) {
  PtpMaster out;
  out.address = node.required_parsed<IpAddress>("address", IpAddress::parse);
  out.local_priority = static_cast<uint32_t>(node.integer("priority", 0, 0, kMaxNumber));
  out.delay_req_max_rate =
      static_cast<uint32_t>(node.integer("delay_req_max_rate", 1, 1, kMaxNumber));
  return out;
}

}  // namespace

TimingOptions read_timing_options(ConfigNode node) {
  TimingOptions out;
  out.max_error = std::chrono::milliseconds(node.integer("max_error_ms", 1000, 1, 16'000));
  node.each("ntp_servers", [&](ConfigNode server) {
    out.ntp_servers.push_back(read_ntp_server(std::move(server)));
  });
  node.each("ptp_masters", [&](ConfigNode master) {
    out.ptp_masters.push_back(read_ptp_master(std::move(master)));
  });
  return out;
}

}  // namespace sluice::mep
