#include "lab/ran_config.h"

#include <algorithm>

#include "base/config/config_node.h"

namespace sluice::lab {
namespace {

constexpr uint32_t kMaxNumber = 0xffff;

std::string with_number(std::string text, UeNumber ue) {
  const auto at = text.find("{}");
  if (at != std::string::npos) text.replace(at, 2, std::to_string(ue.value()));
  return text;
}

void read_gnb(ConfigNode node, RanConfig& config) {
  config.gnb_addresses = node.parsed_list("addresses", IpAddress::parse);
  if (config.gnb_addresses.empty()) node.problem("addresses", "at least one address is needed");
}

void read_smf(ConfigNode node, RanConfig& config) {
  config.smf.own = node.required_parsed("address", IpAddress::parse);
  config.smf.upf = node.required_parsed("upf", IpAddress::parse);
  if (config.smf.own.is_v4() != config.smf.upf.is_v4()) {
    node.problem("upf", "must be of the same family as smf.address");
  }
  config.smf.heartbeat = std::chrono::milliseconds(node.integer("heartbeat_ms", 500, 50, 60'000));
}

void read_pools(ConfigNode& node, UePattern& ues) {
  ues.pool_v4 = node.required_parsed("pool_v4", IpPrefix::parse);
  ues.pool_v6 = node.required_parsed("pool_v6", IpPrefix::parse);
  if (!ues.pool_v4.is_v4()) node.problem("pool_v4", "must be an IPv4 prefix");
  if (ues.pool_v6.is_v4() || ues.pool_v6.length() > 64) {
    node.problem("pool_v6", "must be an IPv6 prefix of at most 64 bits");
  } else if (ues.pool_v4.is_v4() && ues.count > ues.last_number()) {
    node.problem("count", fmt::format("the pools have room for {}", ues.last_number()));
  }
}

void read_ues(ConfigNode node, RanConfig& config) {
  auto& ues = config.ues;
  ues.count = static_cast<unsigned>(node.integer("count", 1, 0, kMaxNumber));
  ues.netns = node.text("netns", "");
  ues.device = node.text("device", "uesim0");
  ues.mtu = static_cast<int>(node.integer("mtu", 1400, 1280, 1500));
  ues.qfi = static_cast<uint8_t>(node.integer("qfi", 9, 0, 63));
  ues.dnn = node.text("dnn", "internet");
  ues.outer_v4 = node.choice("outer", "ipv4", {"ipv4", "ipv6"}) == "ipv4";
  ues.sdf_filters = node.texts("sdf");
  read_pools(node, ues);
  const bool served = std::ranges::any_of(config.gnb_addresses, [&](const IpAddress& address) {
    return address.is_v4() == ues.outer_v4;
  });
  if (!served) node.problem("outer", "gnb.addresses has no address of this family");
}

RanConfig read(ConfigNode& root) {
  RanConfig config;
  read_gnb(root.child("gnb"), config);
  read_smf(root.child("smf"), config);
  read_ues(root.child("ues"), config);
  config.control_socket = root.child("control").text("socket", "");
  config.log_level =
      root.child("log").choice("level", "info", {"trace", "debug", "info", "warn", "error", "off"});
  return config;
}

}  // namespace

std::string UePattern::netns_of(UeNumber ue) const { return with_number(netns, ue); }

std::string UePattern::device_of(UeNumber ue) const { return with_number(device, ue); }

Ipv4Address UePattern::v4_of(UeNumber ue) const {
  return Ipv4Address(pool_v4.network().v4().value() + ue.value());
}

IpPrefix UePattern::v6_of(UeNumber ue) const {
  auto bytes = pool_v6.network().v6().bytes();
  bytes[6] |= static_cast<uint8_t>(ue.value() >> 8);  // zero there: see last_number()
  bytes[7] |= static_cast<uint8_t>(ue.value());
  bytes[15] = 1;
  return IpPrefix::make(Ipv6Address(bytes), 64).value();
}

uint32_t UePattern::last_number() const {
  const auto room = [](unsigned bits) { return bits >= 16 ? kMaxNumber : (1U << bits) - 1; };
  // The last IPv4 address of a pool is its broadcast address by convention; it stays unused.
  const uint32_t v4 = room(32 - pool_v4.length());
  return std::min(v4 > 0 ? v4 - 1 : 0, room(64 - pool_v6.length()));
}

Result<RanConfig> read_ran_config(const std::string& path) {
  RanConfig config;
  auto done = read_config_file(path, [&](ConfigNode root) { config = read(root); });
  if (!done) return std::unexpected(done.error());
  return config;
}

Result<RanConfig> parse_ran_config(const std::string& name, const std::string& text) {
  RanConfig config;
  auto done = read_config(name, text, [&](ConfigNode root) { config = read(root); });
  if (!done) return std::unexpected(done.error());
  return config;
}

}  // namespace sluice::lab
