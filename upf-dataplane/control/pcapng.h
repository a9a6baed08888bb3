// Packet captures in the format of Wireshark: pcapng (draft-ietf-opsawg-pcapng).
#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::upf {

// Each returns the bytes of one block, to be written in this order: a section, the interfaces,
// then packets that name an interface by its place, then the statistics.

std::string pcapng_section(std::string_view application);

// `snap_length` is the most bytes of a frame that are kept. Time stamps are in nanoseconds.
std::string pcapng_interface(std::string_view name, uint32_t snap_length);

struct CapturedPacket {
  uint32_t interface = 0;
  std::chrono::nanoseconds time{};  // since 1970
  bool received = true;             // or sent
  uint32_t length = 0;              // of the whole frame
  std::span<const uint8_t> bytes = {};
};
std::string pcapng_packet(const CapturedPacket& packet);

// How many frames of an interface were captured, and how many were lost for want of room.
std::string pcapng_statistics(uint32_t interface, std::chrono::nanoseconds time, uint64_t captured,
                              uint64_t lost);

}  // namespace sluice::upf
