#include "upf-dataplane/testing/frame_builder.h"

#include <fmt/format.h>

#include <stdexcept>

#include "base/net/ip_address.h"

namespace sluice::upf::testing {
namespace {

using Bytes = FrameBuilder::Bytes;

void put16(Bytes& bytes, uint16_t value) {
  bytes.push_back(static_cast<uint8_t>(value >> 8));
  bytes.push_back(static_cast<uint8_t>(value));
}

void set16(Bytes& bytes, size_t at, size_t value) {
  bytes[at] = static_cast<uint8_t>(value >> 8);
  bytes[at + 1] = static_cast<uint8_t>(value);
}

template <typename Container>
void append(Bytes& bytes, const Container& more) {
  bytes.insert(bytes.end(), more.begin(), more.end());
}

uint16_t ones_complement(const Bytes& bytes) {
  uint32_t sum = 0;
  for (size_t i = 0; i < bytes.size(); i += 2) {
    sum += uint32_t{bytes[i]} << 8 | (i + 1 < bytes.size() ? bytes[i + 1] : 0U);
  }
  while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<uint16_t>(~sum);
}

// Source and destination address, length and protocol, as UDP, TCP and ICMPv6 sum them.
Bytes pseudo_header(const Bytes& ip, uint8_t protocol, size_t length) {
  Bytes pseudo;
  const bool v4 = ip[0] >> 4 == 4;
  pseudo.insert(pseudo.end(), ip.begin() + (v4 ? 12 : 8), ip.begin() + (v4 ? 20 : 40));
  put16(pseudo, static_cast<uint16_t>(length >> 16));
  put16(pseudo, static_cast<uint16_t>(length));
  put16(pseudo, protocol);
  return pseudo;
}

void set_l4_checksum(Bytes& message, size_t at, const Bytes* ip, uint8_t protocol) {
  Bytes summed = ip == nullptr ? Bytes{} : pseudo_header(*ip, protocol, message.size());
  append(summed, message);
  uint16_t sum = ones_complement(summed);
  if (protocol == 17 && sum == 0) sum = 0xffff;
  set16(message, at, sum);
}

}  // namespace

FrameBuilder& FrameBuilder::add(Kind kind, Bytes header) {
  layers_.push_back({kind, std::move(header)});
  return *this;
}

FrameBuilder& FrameBuilder::eth(std::string_view destination, std::string_view source) {
  Bytes header;
  append(header, MacAddress::parse(destination)->bytes());
  append(header, MacAddress::parse(source)->bytes());
  put16(header, 0);
  return add(Kind::kEthernet, std::move(header));
}

FrameBuilder& FrameBuilder::ipv4(std::string_view source, std::string_view destination) {
  Bytes header = {0x45, 0, 0, 0, 0, 0, 0, 0, 64, 0, 0, 0};
  append(header, Ipv4Address::parse(source)->bytes());
  append(header, Ipv4Address::parse(destination)->bytes());
  return add(Kind::kIpv4, std::move(header));
}

FrameBuilder& FrameBuilder::ipv6(std::string_view source, std::string_view destination) {
  Bytes header = {0x60, 0, 0, 0, 0, 0, 59, 64};
  append(header, Ipv6Address::parse(source)->bytes());
  append(header, Ipv6Address::parse(destination)->bytes());
  return add(Kind::kIpv6, std::move(header));
}

FrameBuilder& FrameBuilder::udp(uint16_t source, uint16_t destination) {
  Bytes header;
  put16(header, source);
  put16(header, destination);
  header.resize(8);
  return add(Kind::kUdp, std::move(header));
}

FrameBuilder& FrameBuilder::tcp(uint16_t source, uint16_t destination, uint8_t flags,
                                uint32_t sequence, uint32_t acknowledgement) {
  Bytes header;
  put16(header, source);
  put16(header, destination);
  for (const uint32_t number : {sequence, acknowledgement}) {
    put16(header, static_cast<uint16_t>(number >> 16));
    put16(header, static_cast<uint16_t>(number));
  }
  header.resize(20);
  header[12] = 0x50;
  header[13] = flags;
  return add(Kind::kTcp, std::move(header));
}

FrameBuilder& FrameBuilder::icmp_echo(uint16_t id, uint16_t sequence) {
  Bytes header = {8, 0, 0, 0};
  put16(header, id);
  put16(header, sequence);
  return add(Kind::kIcmp, std::move(header));
}

FrameBuilder& FrameBuilder::icmpv6_echo(uint16_t id, uint16_t sequence) {
  Bytes header = {128, 0, 0, 0};
  put16(header, id);
  put16(header, sequence);
  return add(Kind::kIcmpv6, std::move(header));
}

FrameBuilder& FrameBuilder::gtpu(uint32_t teid, std::optional<uint8_t> qfi, bool uplink) {
  Bytes header = {static_cast<uint8_t>(qfi ? 0x34 : 0x30), 255, 0, 0};
  put16(header, static_cast<uint16_t>(teid >> 16));
  put16(header, static_cast<uint16_t>(teid));
  if (qfi) {
    append(header, Bytes{0, 0, 0, 0x85, 1, static_cast<uint8_t>(uplink ? 0x10 : 0x00), *qfi, 0});
  }
  return add(Kind::kGtpu, std::move(header));
}

FrameBuilder& FrameBuilder::gre(std::optional<uint32_t> key) {
  Bytes header = {static_cast<uint8_t>(key ? 0x20 : 0), 0, 0, 0};
  if (key) {
    put16(header, static_cast<uint16_t>(*key >> 16));
    put16(header, static_cast<uint16_t>(*key));
  }
  return add(Kind::kGre, std::move(header));
}

FrameBuilder& FrameBuilder::payload(std::string_view text) {
  return add(Kind::kPayload, Bytes(text.begin(), text.end()));
}

FrameBuilder& FrameBuilder::payload(const Bytes& bytes) { return add(Kind::kPayload, bytes); }

FrameBuilder::Layer& FrameBuilder::last_ip() {
  for (auto layer = layers_.rbegin(); layer != layers_.rend(); ++layer) {
    if (layer->kind == Kind::kIpv4 || layer->kind == Kind::kIpv6) return *layer;
  }
  throw std::logic_error("no IP layer yet");
}

FrameBuilder& FrameBuilder::tos(uint8_t value) {
  Layer& ip = last_ip();
  if (ip.kind == Kind::kIpv4) {
    ip.header[1] = value;
  } else {
    ip.header[0] = static_cast<uint8_t>(0x60 | value >> 4);
    ip.header[1] = static_cast<uint8_t>(value << 4 | (ip.header[1] & 0x0f));
  }
  return *this;
}

FrameBuilder& FrameBuilder::ttl(uint8_t value) {
  Layer& ip = last_ip();
  ip.header[ip.kind == Kind::kIpv4 ? 8 : 7] = value;
  return *this;
}

FrameBuilder& FrameBuilder::identification(uint16_t value) {
  set16(last_ip().header, 4, value);
  return *this;
}

FrameBuilder& FrameBuilder::fragment(uint16_t flags_offset) {
  set16(last_ip().header, 6, flags_offset);
  return *this;
}

Bytes FrameBuilder::frame() const {
  Bytes inner;  // what lies behind the layer at hand
  Kind next = Kind::kPayload;
  for (size_t i = layers_.size(); i-- > 0;) {
    Bytes layer = layers_[i].header;
    const Bytes* ip = i > 0 ? &layers_[i - 1].header : nullptr;
    const size_t total = layer.size() + inner.size();
    const auto kind = layers_[i].kind;
    const auto protocol = [&]() -> uint8_t {
      switch (next) {
        case Kind::kUdp:
          return 17;
        case Kind::kTcp:
          return 6;
        case Kind::kIcmp:
          return 1;
        case Kind::kIcmpv6:
          return 58;
        case Kind::kGre:
          return 47;
        default:
          return 59;
      }
    };
    switch (kind) {
      case Kind::kEthernet:
        set16(layer, 12, next == Kind::kIpv6 ? 0x86dd : 0x0800);
        break;
      case Kind::kIpv4:
        set16(layer, 2, total);
        layer[9] = protocol();
        set16(layer, 10, ones_complement(layer));
        break;
      case Kind::kIpv6:
        set16(layer, 4, inner.size());
        layer[6] = protocol();
        break;
      case Kind::kUdp:
        set16(layer, 4, total);
        break;
      case Kind::kGtpu:
        set16(layer, 2, total - 8);
        break;
      case Kind::kGre:
        set16(layer, 2, !inner.empty() && inner[0] >> 4 == 6 ? 0x86dd : 0x0800);
        break;
      default:
        break;
    }
    append(layer, inner);
    if (kind == Kind::kUdp) set_l4_checksum(layer, 6, ip, 17);
    if (kind == Kind::kTcp) set_l4_checksum(layer, 16, ip, 6);
    if (kind == Kind::kIcmp) set_l4_checksum(layer, 2, nullptr, 1);
    if (kind == Kind::kIcmpv6) set_l4_checksum(layer, 2, ip, 58);
    inner = std::move(layer);
    next = kind;
  }
  return inner;
}

FrameBuilder eth(std::string_view destination, std::string_view source) {
  return FrameBuilder().eth(destination, source);
}
FrameBuilder ipv4(std::string_view source, std::string_view destination) {
  return FrameBuilder().ipv4(source, destination);
}
FrameBuilder ipv6(std::string_view source, std::string_view destination) {
  return FrameBuilder().ipv6(source, destination);
}

Bytes dns_query(uint16_t id, std::string_view name, uint16_t type, bool edns) {
  Bytes message;
  put16(message, id);
  put16(message, 0x0100);
  put16(message, 1);
  put16(message, 0);
  put16(message, 0);
  put16(message, edns ? 1 : 0);
  while (!name.empty()) {
    const auto dot = name.find('.');
    const auto label = name.substr(0, dot);
    message.push_back(static_cast<uint8_t>(label.size()));
    append(message, label);
    name = dot == std::string_view::npos ? std::string_view{} : name.substr(dot + 1);
  }
  message.push_back(0);
  put16(message, type);
  put16(message, 1);
  if (edns) append(message, Bytes{0, 0, 41, 0x04, 0xd0, 0, 0, 0x80, 0, 0, 0});
  return message;
}

std::string hex(const Bytes& bytes) {
  std::string out;
  for (size_t i = 0; i < bytes.size(); ++i) {
    if (i % 16 == 0) out += fmt::format("\n{:04x} ", i);
    out += fmt::format(" {:02x}", bytes[i]);
  }
  return out;
}

}  // namespace sluice::upf::testing
