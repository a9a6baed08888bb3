#include "notify/callback_uri.h"

#include <algorithm>
#include <charconv>

namespace sluice::notify {
namespace {

constexpr size_t kMaxHost = 253;  // octets, RFC 1035 §2.3.4

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

// Whether a resolver might read the name as a number: its last label is digits, or 0x and hex.
bool ends_in_number(std::string_view host) {
  if (host.ends_with('.')) host.remove_suffix(1);
  const auto label = host.substr(host.rfind('.') + 1);  // npos + 1 is 0
  if (label.empty()) return false;
  if (std::ranges::all_of(label, is_digit)) return true;
  return label.starts_with("0x") &&
         label.find_first_not_of("0123456789abcdef", 2) == std::string_view::npos;
}

Result<void> read_name(std::string_view text, CallbackUri& out) {
  if (text.size() > kMaxHost) return fail(ErrorCode::kInvalidArgument, "the host is too long");
  out.host = lower(text);
  for (const char c : out.host) {
    if (!is_letter(c) && !is_digit(c) && c != '-' && c != '.' && c != '_') {
      return fail(ErrorCode::kInvalidArgument, "'{}' is not a host name", text);
    }
  }
  if (out.host.starts_with('.') || out.host.find("..") != std::string::npos) {
    return fail(ErrorCode::kInvalidArgument, "'{}' is not a host name", text);
  }
  if (!ends_in_number(out.host)) return {};
  const auto v4 = Ipv4Address::parse(out.host);
  if (!v4) {
    return fail(ErrorCode::kInvalidArgument, "'{}' is neither a name nor a dotted-quad address",
                text);
  }
  out.literal = *v4;
  return {};
}

Result<void> read_port(std::string_view text, CallbackUri& out) {
  unsigned port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc{} || end != text.data() + text.size() || text.size() > 5 || port == 0 ||
      port > 65'535) {
    return fail(ErrorCode::kInvalidArgument, "'{}' is not a port", text);
  }
  out.port = static_cast<uint16_t>(port);
  return {};
}

Result<void> read_authority(std::string_view text, CallbackUri& out) {
  if (text.find('@') != std::string_view::npos) {
    return fail(ErrorCode::kInvalidArgument, "user information is not allowed");
  }
  std::string_view rest;
  if (text.starts_with('[')) {
    const auto end = text.find(']');
    const auto inner = text.substr(1, end == std::string_view::npos ? 0 : end - 1);
    const auto v6 = Ipv6Address::parse(inner);
    if (end == std::string_view::npos || !v6) {
      return fail(ErrorCode::kInvalidArgument, "'{}' is not an IPv6 address in brackets", text);
    }
    out.literal = *v6;
    out.host = lower(inner);
    rest = text.substr(end + 1);
  } else {
    const auto colon = text.find(':');
    if (text.substr(0, colon).empty()) return fail(ErrorCode::kInvalidArgument, "has no host");
    if (auto ok = read_name(text.substr(0, colon), out); !ok) return ok;
    rest = colon == std::string_view::npos ? std::string_view{} : text.substr(colon);
  }
  if (rest.empty()) return {};
  if (!rest.starts_with(':')) {
    return fail(ErrorCode::kInvalidArgument, "'{}' does not belong behind the host", rest);
  }
  return read_port(rest.substr(1), out);
}

}  // namespace

Result<CallbackUri> CallbackUri::parse(std::string_view text) {
  if (text.size() > kMaxCallbackUri) {
    return fail(ErrorCode::kInvalidArgument, "has {} octets, at most {} are allowed", text.size(),
                kMaxCallbackUri);
  }
  constexpr std::string_view kNotInUris = " \"<>\\^`{|}";  // RFC 3986 §2
  for (const char c : text) {
    if (c <= 0x20 || c >= 0x7f || kNotInUris.find(c) != std::string_view::npos) {
      return fail(ErrorCode::kInvalidArgument, "has a character that URIs do not have");
    }
  }
  if (text.find('#') != std::string_view::npos) {
    return fail(ErrorCode::kInvalidArgument, "a fragment is not allowed");
  }
  CallbackUri out;
  const auto colon = text.find("://");
  const auto scheme = lower(text.substr(0, colon == std::string_view::npos ? 0 : colon));
  if (scheme != "http" && scheme != "https") {
    return fail(ErrorCode::kInvalidArgument, "only http:// and https:// URIs can be called");
  }
  out.tls = scheme == "https";
  out.port = out.tls ? 443 : 80;
  text.remove_prefix(colon + 3);
  if (auto ok = read_authority(text.substr(0, text.find_first_of("/?")), out); !ok) {
    return std::unexpected(ok.error());
  }
  return out;
}

}  // namespace sluice::notify
