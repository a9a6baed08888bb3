#include "upf-dataplane/pfcp/redirect_values.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "upf-dataplane/pfcp/value_reader.h"

namespace sluice::upf::pfcp {
namespace {

constexpr uint8_t kIpv4 = 0;
constexpr uint8_t kIpv6 = 1;
constexpr uint8_t kUrl = 2;
constexpr uint8_t kSipUri = 3;
constexpr uint8_t kIpv4v6 = 4;

std::string_view text_of(ValueReader& in) {
  const Bytes bytes = in.take(in.u16());
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

bool is_host(Ipv4Address address) {
  const auto first = address.bytes()[0];
  return first != 0 && first != 127 && first < 224;
}

bool is_host(const Ipv6Address& address) {
  return address != Ipv6Address() && address != Ipv6Address::parse("::1").value() &&
         !address.is_multicast() && !address.is_link_local();
}

bool take_v4(std::string_view text, Redirect& redirect) {
  const auto address = Ipv4Address::parse(text);
  if (!address || !is_host(*address)) return false;
  redirect.v4 = *address;
  return true;
}

bool take_v6(std::string_view text, Redirect& redirect) {
  const auto address = Ipv6Address::parse(text);
  if (!address || !is_host(*address)) return false;
  redirect.v6 = *address;
  return true;
}

bool is_of_http(std::string_view url) {
  const auto begins_with = [&](std::string_view scheme) {
    return url.size() > scheme.size() &&
           std::ranges::equal(url.substr(0, scheme.size()), scheme, {},
                              [](char c) { return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c; });
  };
  return (begins_with("http://") || begins_with("https://")) &&
         std::ranges::all_of(url, [](char c) { return c > ' ' && c < '\x7f'; });
}

}  // namespace

Read<RedirectInformation> IeCodec<RedirectInformation>::read(Bytes value) {
  ValueReader in(value);
  const uint8_t type = in.u8() & 0x0f;
  const std::string_view first = text_of(in);
  const std::string_view other = type == kIpv4v6 ? text_of(in) : std::string_view();
  if (in.failed()) return in.error();
  RedirectInformation out;
  switch (type) {
    case kIpv4:
      if (take_v4(first, out.redirect)) return out;
      return incorrect("its address is not an IPv4 host's");
    case kIpv6:
      if (take_v6(first, out.redirect)) return out;
      return incorrect("its address is not an IPv6 host's");
    case kIpv4v6:
      if (take_v4(first, out.redirect)
              ? take_v6(other, out.redirect)
              : take_v6(first, out.redirect) && take_v4(other, out.redirect)) {
        return out;
      }
      return incorrect("its addresses are not those of an IPv4 and an IPv6 host");
    case kUrl:
      if (first.size() > Redirect::kLongestUrl) {
        return unsupported(fmt::format("URLs have at most {} octets", Redirect::kLongestUrl));
      }
      if (!is_of_http(first)) return incorrect("its URL is none of HTTP");
      out.redirect.url = first;
      return out;
    case kSipUri:
      return unsupported("SIP is not spoken here");
    default:
      return incorrect(fmt::format("no redirect address of type {}", type));
  }
}

void IeCodec<RedirectInformation>::write(const RedirectInformation& v, ByteWriter& out) {
  const Redirect& r = v.redirect;
  const auto text = [&out](const std::string& of) {
    out.u16(static_cast<uint16_t>(of.size()));
    out.append(Bytes(reinterpret_cast<const uint8_t*>(of.data()), of.size()));
  };
  out.u8(!r.url.empty() ? kUrl : r.v4 && r.v6 ? kIpv4v6 : r.v4 ? kIpv4 : kIpv6);
  if (!r.url.empty()) return text(r.url);
  if (r.v4) text(r.v4->to_string());
  if (r.v6) text(r.v6->to_string());
}

}  // namespace sluice::upf::pfcp
