#include "traffic-rules/compile.h"

#include <algorithm>

#include "traffic-rules/protocol.h"

namespace sluice::traffic_rules {
namespace {

// The alternatives of one condition. No condition at all is one alternative, nullopt; a condition
// that nothing can satisfy has none.
template <typename T>
using Alternatives = std::vector<std::optional<T>>;

Alternatives<IpPrefix> prefixes(const std::vector<Spelled<IpRange>>& list) {
  if (list.empty()) return {std::nullopt};
  std::vector<IpRange> ranges;
  for (const auto& item : list) ranges.push_back(item.value);
  Alternatives<IpPrefix> out;
  for (const auto& range : merged(std::move(ranges))) {
    for (const auto& prefix : prefixes_of(range)) out.emplace_back(prefix);
  }
  return out;
}

Alternatives<PortRange> ports(const std::vector<Spelled<PortRange>>& list) {
  if (list.empty()) return {std::nullopt};
  std::vector<PortRange> ranges;
  for (const auto& item : list) ranges.push_back(item.value);
  const auto fewest = merged(std::move(ranges));
  return {fewest.begin(), fewest.end()};
}

Alternatives<uint8_t> protocols(const std::vector<Spelled<uint8_t>>& list) {
  if (list.empty()) return {std::nullopt};
  std::vector<uint8_t> numbers;
  for (const auto& item : list) numbers.push_back(item.value);
  std::sort(numbers.begin(), numbers.end());
  numbers.erase(std::unique(numbers.begin(), numbers.end()), numbers.end());
  return {numbers.begin(), numbers.end()};
}

// A tag stands for the addresses of users, which are sources in the uplink: each alternative is
// narrowed to the user's address or falls away.
Alternatives<IpPrefix> narrowed(const Alternatives<IpPrefix>& sources,
                                const std::vector<std::string>& tags, const TagResolver& resolve) {
  if (tags.empty()) return sources;
  std::vector<Spelled<IpRange>> users;
  for (const auto& tag : tags) {
    if (!resolve) continue;
    for (const auto& prefix : resolve(tag)) users.push_back({IpRange::of(prefix), {}});
  }
  Alternatives<IpPrefix> out;
  if (users.empty()) return out;
  for (const auto& user : prefixes(users)) {
    for (const auto& source : sources) {
      if (!source || source->contains(*user)) {
        out.push_back(user);
      } else if (user->contains(*source)) {
        out.push_back(source);
      }
    }
  }
  return out;
}

// IPv4 and IPv6 alternatives never meet in one box.
std::optional<IpFamily> common_family(const TrafficFilter& filter,
                                      const std::optional<IpPrefix>& src,
                                      const std::optional<IpPrefix>& dst) {
  IpFamily family = IpFamily::kAny;
  bool contradiction = false;
  const auto demand = [&](bool v4) {
    const auto wanted = v4 ? IpFamily::kV4 : IpFamily::kV6;
    contradiction |= family != IpFamily::kAny && family != wanted;
    family = wanted;
  };
  if (src) demand(src->is_v4());
  if (dst) demand(dst->is_v4());
  if (filter.dscp) demand(true);
  if (filter.tc) demand(false);
  if (contradiction) return std::nullopt;
  return family;
}

// The alternatives of every condition of one filter.
struct Factors {
  Factors(const TrafficFilter& filter, const TagResolver& resolve)
      : src(narrowed(prefixes(filter.src_address), filter.tag, resolve)),
        dst(prefixes(filter.dst_address)),
        src_port(ports(filter.src_port)),
        dst_port(ports(filter.dst_port)),
        protocol(protocols(filter.protocol)),
        tunnel_src(prefixes(filter.src_tunnel_address)),
        tunnel_dst(prefixes(filter.tgt_tunnel_address)),
        tunnel_src_port(ports(filter.src_tunnel_port)),
        tunnel_dst_port(ports(filter.dst_tunnel_port)) {}

  // How many boxes the filter makes at most. A double: the product may exceed any integer, and
  // only its size matters.
  double count() const {
    double product = 1;
    for (const size_t n :
         {src.size(), dst.size(), src_port.size(), dst_port.size(), protocol.size(),
          tunnel_src.size(), tunnel_dst.size(), tunnel_src_port.size(), tunnel_dst_port.size()}) {
      product *= static_cast<double>(n);
    }
    return product;
  }

  Alternatives<IpPrefix> src, dst;
  Alternatives<PortRange> src_port, dst_port;
  Alternatives<uint8_t> protocol;
  Alternatives<IpPrefix> tunnel_src, tunnel_dst;
  Alternatives<PortRange> tunnel_src_port, tunnel_dst_port;
};

// Every box so far once with each alternative: one step of the cross product.
template <typename T>
void multiply(std::vector<MatchBox>& boxes, const Alternatives<T>& alternatives,
              std::optional<T> MatchBox::* member) {
  if (alternatives.size() == 1) {
    for (auto& box : boxes) box.*member = alternatives.front();
    return;
  }
  std::vector<MatchBox> out;
  out.reserve(boxes.size() * alternatives.size());
  for (const auto& box : boxes) {
    for (const auto& alternative : alternatives) {
      out.push_back(box);
      out.back().*member = alternative;
    }
  }
  boxes = std::move(out);
}

std::vector<MatchBox> boxes_of(const TrafficFilter& filter, const Factors& factors) {
  MatchBox common;
  common.qfi = filter.qci;
  common.dscp = filter.dscp;
  common.tc = filter.tc;
  std::vector<MatchBox> boxes{common};
  multiply(boxes, factors.src, &MatchBox::src);
  multiply(boxes, factors.dst, &MatchBox::dst);
  std::erase_if(boxes, [&](MatchBox& box) {
    const auto family = common_family(filter, box.src, box.dst);
    box.family = family.value_or(IpFamily::kAny);
    return !family;
  });
  multiply(boxes, factors.protocol, &MatchBox::protocol);
  const bool on_ports = !filter.src_port.empty() || !filter.dst_port.empty();
  std::erase_if(boxes, [&](const MatchBox& box) {
    return on_ports && box.protocol && !has_ports(*box.protocol);
  });
  multiply(boxes, factors.src_port, &MatchBox::src_port);
  multiply(boxes, factors.dst_port, &MatchBox::dst_port);
  multiply(boxes, factors.tunnel_src, &MatchBox::tunnel_src);
  multiply(boxes, factors.tunnel_dst, &MatchBox::tunnel_dst);
  multiply(boxes, factors.tunnel_src_port, &MatchBox::tunnel_src_port);
  multiply(boxes, factors.tunnel_dst_port, &MatchBox::tunnel_dst_port);
  return boxes;
}

}  // namespace

Result<CompiledRule> compile(std::string key, uint64_t order, const TrafficRule& rule,
                             const TagResolver& resolve_tag) {
  CompiledRule out;
  out.key = std::move(key);
  out.priority = rule.priority;
  out.order = order;
  out.action = rule.action;
  out.destinations = rule.dst_interface;
  out.scope = rule.scope;

  std::vector<Factors> factors;
  double total = 0;
  for (const auto& filter : rule.traffic_filter) {
    factors.emplace_back(filter, resolve_tag);
    total += factors.back().count();
  }
  if (total > static_cast<double>(kMaxBoxes)) {
    return fail(ErrorCode::kResourceExhausted,
                "rule {} needs {:.0f} address and port combinations, {} are possible; use shorter "
                "lists or ranges that are prefixes",
                out.key, total, kMaxBoxes);
  }
  for (size_t i = 0; i < factors.size(); ++i) {
    const auto boxes = boxes_of(rule.traffic_filter[i], factors[i]);
    out.uplink.insert(out.uplink.end(), boxes.begin(), boxes.end());
  }
  if (rule.filter_type == FilterType::kPacket) {
    out.downlink = out.uplink;
  } else {
    for (const auto& box : out.uplink) out.downlink.push_back(mirrored(box));
  }
  return out;
}

}  // namespace sluice::traffic_rules
