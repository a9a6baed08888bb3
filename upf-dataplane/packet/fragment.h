// IP fragments: reading where one belongs, and cutting packets that are too long for a port.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace sluice::upf {

// Which part of which packet a fragment is.
struct FragmentPlace {
  uint32_t identification = 0;
  uint8_t protocol = 0;      // of what is fragmented
  bool more = false;         // fragments follow
  uint32_t offset = 0;       // of its data in the whole, in bytes
  uint16_t data_offset = 0;  // of its data in this packet
  uint16_t total_bytes = 0;  // of this packet, by its IP header
};

// Of an IP packet whose headers have been checked; nothing when it is no fragment, or one that
// cannot be: without data, with a length that is no multiple of eight before the last, or past the
// end of the largest packet.
std::optional<FragmentPlace> fragment_place(std::span<const uint8_t> packet);

// Cuts a whole frame that is too long for its port into frames with fragments of at most `mtu`
// bytes of IP packet each. The user's packet at `inner_offset` is IPv4 and may be fragmented. What
// is in front of it, Ethernet or Ethernet and a GTP-U or GRE tunnel, is repeated with its lengths
// and checksums put right. Nothing when it is in another tunnel or two, or the MTU leaves no room.
std::vector<std::vector<uint8_t>> cut_frame(std::span<const uint8_t> frame, size_t inner_offset,
                                            uint32_t mtu);

}  // namespace sluice::upf
