// Frames for tests, layer by layer from the outside in:
//   eth(gnb, n3).ipv4("192.168.3.2", "192.168.3.1").udp(2152, 2152).gtpu(teid, qfi)
//       .ipv4("10.45.0.2", "198.51.100.7").udp(4000, 80).payload("hello").frame()
// Lengths and checksums are filled in by frame(). Written without the data path's own encoders.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::upf::testing {

class FrameBuilder {
 public:
  using Bytes = std::vector<uint8_t>;

  FrameBuilder& eth(std::string_view destination, std::string_view source);
  FrameBuilder& ipv4(std::string_view source, std::string_view destination);
  FrameBuilder& ipv6(std::string_view source, std::string_view destination);
  FrameBuilder& udp(uint16_t source, uint16_t destination);
  // `flags` as in the header; 0x02 is SYN, 0x10 ACK.
  FrameBuilder& tcp(uint16_t source, uint16_t destination, uint8_t flags = 0, uint32_t sequence = 0,
                    uint32_t acknowledgement = 0);
  FrameBuilder& icmp_echo(uint16_t id, uint16_t sequence);    // behind ipv4()
  FrameBuilder& icmpv6_echo(uint16_t id, uint16_t sequence);  // behind ipv6()
  FrameBuilder& gtpu(uint32_t teid, std::optional<uint8_t> qfi = {}, bool uplink = true);
  FrameBuilder& gre(std::optional<uint32_t> key = {});
  FrameBuilder& payload(std::string_view text);
  FrameBuilder& payload(const Bytes& bytes);

  // Of the IP layer begun last.
  FrameBuilder& tos(uint8_t value);
  FrameBuilder& ttl(uint8_t value);
  FrameBuilder& identification(uint16_t value);
  FrameBuilder& fragment(uint16_t flags_offset);  // IPv4 only

  Bytes frame() const;

 private:
  enum class Kind { kEthernet, kIpv4, kIpv6, kUdp, kTcp, kIcmp, kIcmpv6, kGtpu, kGre, kPayload };
  struct Layer {
    Kind kind;
    Bytes header;
  };
  FrameBuilder& add(Kind kind, Bytes header);
  Layer& last_ip();

  std::vector<Layer> layers_;
};

FrameBuilder eth(std::string_view destination, std::string_view source);
// Without an Ethernet header in front: an IP packet.
FrameBuilder ipv4(std::string_view source, std::string_view destination);
FrameBuilder ipv6(std::string_view source, std::string_view destination);

// A DNS query for one name; `edns` adds an OPT record.
std::vector<uint8_t> dns_query(uint16_t id, std::string_view name, uint16_t type,
                               bool edns = false);

// "0000  45 00 ..." for failure messages.
std::string hex(const std::vector<uint8_t>& bytes);

}  // namespace sluice::upf::testing
