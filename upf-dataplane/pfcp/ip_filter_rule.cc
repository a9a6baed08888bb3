#include "upf-dataplane/pfcp/ip_filter_rule.h"

#include <algorithm>
#include <charconv>
#include <concepts>
#include <utility>

namespace sluice::upf::pfcp {
namespace {

constexpr uint8_t kTcp = 6;
constexpr uint8_t kUdp = 17;
constexpr uint8_t kSctp = 132;

struct Word {
  std::string_view text;
  size_t position = 0;  // counted from 1
};

template <typename... Args>
std::unexpected<Error> bad(size_t position, fmt::format_string<Args...> format, Args&&... args) {
  return bad_field("Flow Description", "at {}: {}", position,
                   fmt::format(format, std::forward<Args>(args)...));
}

std::string quoted(const Word& word) {
  return word.text.empty() ? "the end" : fmt::format("\"{}\"", word.text);
}

// The whole of `text` as a decimal number.
template <std::unsigned_integral T>
std::optional<T> number(std::string_view text) {
  T value{};
  const auto* end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stopped != end) return std::nullopt;
  return value;
}

class Words {
 public:
  explicit Words(std::string_view text) : text_(text) { skip_spaces(); }

  // The word at the cursor, empty at the end.
  Word peek() const {
    return {text_.substr(at_, std::min(text_.find(' ', at_), text_.size()) - at_), at_ + 1};
  }
  Word take() {
    const Word word = peek();
    at_ += word.text.size();
    skip_spaces();
    return word;
  }
  bool done() const { return at_ == text_.size(); }

 private:
  void skip_spaces() { at_ = std::min(text_.find_first_not_of(' ', at_), text_.size()); }

  std::string_view text_;
  size_t at_ = 0;
};

Result<void> expect(Words& words, std::string_view keyword, std::string_view why) {
  const Word word = words.take();
  if (word.text != keyword) {
    return bad(word.position, "expected \"{}\"{}, not {}", keyword, why, quoted(word));
  }
  return {};
}

Result<std::optional<uint8_t>> parse_protocol(Words& words) {
  const Word word = words.take();
  if (word.text == "ip") return std::nullopt;
  const auto protocol = number<uint8_t>(word.text);
  if (!protocol) {
    return bad(word.position, "the protocol is a number up to 255 or \"ip\", not {}", quoted(word));
  }
  return protocol;
}

Result<std::optional<IpPrefix>> parse_address(Words& words, bool of_ue) {
  const Word word = words.take();
  if (word.text == "any") return std::nullopt;
  if (word.text == "assigned") {
    if (of_ue) return std::nullopt;
    return bad(word.position, "\"assigned\" is the UE's address and belongs after \"to\"");
  }
  if (word.text.starts_with('!')) return bad(word.position, "the \"!\" modifier is not allowed");

  const size_t slash = word.text.find('/');
  const auto address = IpAddress::parse(word.text.substr(0, slash));
  if (!address) {
    return bad(word.position, "expected an address, \"any\"{}, not {}",
               of_ue ? " or \"assigned\"" : "", quoted(word));
  }
  if (address->is_v4() && word.text.contains(':')) {
    return bad(word.position, "an IPv4-mapped address is in no packet");
  }
  unsigned bits = address->is_v4() ? 32 : 128;
  if (slash != std::string_view::npos) {
    const auto given = number<uint8_t>(word.text.substr(slash + 1));
    if (!given || *given > bits) {
      return bad(word.position + slash + 1, "a prefix has 0 to {} bits, not \"{}\"", bits,
                 word.text.substr(slash + 1));
    }
    bits = *given;
  }
  const auto prefix = IpPrefix::make(*address, bits);
  if (!prefix) return bad(word.position, "{}", prefix.error().message);
  if (prefix->network() != *address) {
    return bad(word.position, "{} has bits set beyond its mask", quoted(word));
  }
  return *prefix;
}

Result<PortRange> parse_range(std::string_view text, size_t position) {
  const size_t dash = text.find('-');
  const auto low = number<uint16_t>(text.substr(0, dash));
  const auto high = dash == std::string_view::npos ? low : number<uint16_t>(text.substr(dash + 1));
  if (!low || !high) {
    return bad(position, "a port is a number up to 65535 or a range, not \"{}\"", text);
  }
  if (*low > *high) return bad(position, "the range \"{}\" is upside down", text);
  return PortRange{*low, *high};
}

// Ports are there when the next word starts with a digit; none leaves the list empty.
Result<std::vector<PortRange>> parse_ports(Words& words, std::optional<uint8_t> protocol) {
  std::vector<PortRange> ports;
  const Word word = words.peek();
  if (word.text.empty() || word.text[0] < '0' || word.text[0] > '9') return ports;
  if (protocol != kTcp && protocol != kUdp && protocol != kSctp) {
    return bad(word.position, "ports need protocol 6, 17 or 132");
  }
  words.take();
  for (size_t at = 0; at <= word.text.size();) {
    const size_t comma = std::min(word.text.find(',', at), word.text.size());
    const auto range = parse_range(word.text.substr(at, comma - at), word.position + at);
    if (!range) return std::unexpected(range.error());
    if (ports.size() == kMaxPortRanges) {
      return bad(word.position + at, "more than {} port ranges", kMaxPortRanges);
    }
    ports.push_back(*range);
    at = comma + 1;
  }
  return ports;
}

}  // namespace

Result<SdfFilter> parse_ip_filter_rule(std::string_view text) {
  if (text.size() > kMaxFlowDescription) {
    return bad(kMaxFlowDescription, "longer than {} bytes", kMaxFlowDescription);
  }
  const auto odd = std::ranges::find_if(text, [](char c) { return c < ' ' || c > '~'; });
  if (odd != text.end()) {
    return bad(static_cast<size_t>(odd - text.begin()) + 1, "holds a byte that is not text");
  }

  Words words(text);
  SdfFilter filter;
  if (auto ok = expect(words, "permit", " (nothing else is allowed)"); !ok) {
    return std::unexpected(ok.error());
  }
  if (auto ok = expect(words, "out", " (TS 29.212 allows only this direction)"); !ok) {
    return std::unexpected(ok.error());
  }
  const auto protocol = parse_protocol(words);
  if (!protocol) return std::unexpected(protocol.error());
  filter.protocol = *protocol;

  if (auto ok = expect(words, "from", ""); !ok) return std::unexpected(ok.error());
  const auto remote = parse_address(words, false);
  if (!remote) return std::unexpected(remote.error());
  filter.remote = *remote;
  auto remote_ports = parse_ports(words, filter.protocol);
  if (!remote_ports) return std::unexpected(remote_ports.error());
  filter.remote_ports = *std::move(remote_ports);

  if (auto ok = expect(words, "to", " or ports"); !ok) return std::unexpected(ok.error());
  const size_t local_at = words.peek().position;
  const auto local = parse_address(words, true);
  if (!local) return std::unexpected(local.error());
  filter.local = *local;
  auto local_ports = parse_ports(words, filter.protocol);
  if (!local_ports) return std::unexpected(local_ports.error());
  filter.local_ports = *std::move(local_ports);

  if (filter.remote && filter.local && filter.remote->is_v4() != filter.local->is_v4()) {
    return bad(local_at, "the two addresses are of different IP versions");
  }
  if (!words.done()) {
    return bad(words.peek().position, "options are not allowed: {}", quoted(words.peek()));
  }
  return filter;
}

}  // namespace sluice::upf::pfcp
