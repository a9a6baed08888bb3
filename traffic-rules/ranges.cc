#include "traffic-rules/ranges.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <optional>
#include <tuple>

#include "traffic-rules/address_number.h"

namespace sluice::traffic_rules {
namespace {

int trailing_zeros(AddressNumber n) {
  const auto low = static_cast<uint64_t>(n);
  if (low != 0) return std::countr_zero(low);
  const auto high = static_cast<uint64_t>(n >> 64);
  return 64 + (high != 0 ? std::countr_zero(high) : 64);
}

std::optional<uint16_t> parse_port(std::string_view text) {
  uint32_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc{} || end != text.data() + text.size() || port > 65535) return {};
  return static_cast<uint16_t>(port);
}

}  // namespace

Result<PortRange> PortRange::parse(std::string_view text) {
  const auto dash = text.find('-');
  const auto low_text = text.substr(0, dash);
  const auto high_text = dash == std::string_view::npos ? low_text : text.substr(dash + 1);
  for (const auto part : {low_text, high_text}) {
    if (!parse_port(part)) {
      return fail(ErrorCode::kInvalidArgument, "'{}' is not a port (0..65535)", part);
    }
  }
  const PortRange range{*parse_port(low_text), *parse_port(high_text)};
  if (range.low > range.high) {
    return fail(ErrorCode::kInvalidArgument, "range '{}' ends before it begins", text);
  }
  return range;
}

IpRange IpRange::of(const IpPrefix& prefix) {
  const unsigned host_bits = (prefix.is_v4() ? 32U : 128U) - prefix.length();
  const auto low = prefix.network();
  return {low, address_of(number_of(low) | low_ones(host_bits))};
}

Result<IpRange> IpRange::parse(std::string_view text) {
  const auto dash = text.find('-');
  const auto left = IpPrefix::parse(text.substr(0, dash));
  if (!left) return std::unexpected(left.error());
  if (dash == std::string_view::npos) return of(*left);

  const auto right = IpPrefix::parse(text.substr(dash + 1));
  if (!right) return std::unexpected(right.error());
  if (left->is_v4() != right->is_v4()) {
    return fail(ErrorCode::kInvalidArgument, "range '{}' mixes IPv4 and IPv6", text);
  }
  const IpRange range{of(*left).low, of(*right).high};
  if (range.low > range.high) {
    return fail(ErrorCode::kInvalidArgument, "range '{}' ends before it begins", text);
  }
  return range;
}

std::vector<PortRange> merged(std::vector<PortRange> ranges) {
  std::sort(ranges.begin(), ranges.end());
  std::vector<PortRange> out;
  for (const auto& range : ranges) {
    if (!out.empty() && range.low <= uint32_t{out.back().high} + 1) {
      out.back().high = std::max(out.back().high, range.high);
    } else {
      out.push_back(range);
    }
  }
  return out;
}

std::vector<IpRange> merged(std::vector<IpRange> ranges) {
  // IPv4 first, so that an IPv6 range around the mapped block never swallows it.
  std::sort(ranges.begin(), ranges.end(), [](const IpRange& a, const IpRange& b) {
    return std::tuple(!a.is_v4(), a.low, a.high) < std::tuple(!b.is_v4(), b.low, b.high);
  });
  std::vector<IpRange> out;
  for (const auto& range : ranges) {
    const bool joins =
        !out.empty() && out.back().is_v4() == range.is_v4() &&
        (range.low <= out.back().high || number_of(range.low) == number_of(out.back().high) + 1);
    if (joins) {
      out.back().high = std::max(out.back().high, range.high);
    } else {
      out.push_back(range);
    }
  }
  return out;
}

std::vector<IpPrefix> prefixes_of(const IpRange& range) {
  const int width = range.is_v4() ? 32 : 128;
  const AddressNumber end = number_of(range.high);
  std::vector<IpPrefix> out;
  for (AddressNumber at = number_of(range.low);;) {
    // The largest block that starts here: bounded by the alignment of the start and by the end.
    int bits = std::min(trailing_zeros(at), width);
    while ((at | low_ones(static_cast<unsigned>(bits))) > end) --bits;
    // An IPv6 range may span the IPv4-mapped block; no IPv6 packet has such an address.
    if (auto prefix = IpPrefix::make(address_of(at), static_cast<unsigned>(width - bits))) {
      out.push_back(*prefix);
    }
    const AddressNumber last = at | low_ones(static_cast<unsigned>(bits));
    if (last == end) return out;
    at = last + 1;
  }
}

}  // namespace sluice::traffic_rules
