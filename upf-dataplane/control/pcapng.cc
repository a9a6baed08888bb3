#include "upf-dataplane/control/pcapng.h"

#include <cstring>

namespace sluice::upf {
namespace {

constexpr uint32_t kSection = 0x0a0d0d0a;
constexpr uint32_t kInterface = 1;
constexpr uint32_t kStatistics = 5;
constexpr uint32_t kPacket = 6;

constexpr uint16_t kEndOfOptions = 0;
constexpr uint16_t kUserApplication = 4;  // of a section
constexpr uint16_t kInterfaceName = 2;    // of an interface
constexpr uint16_t kTimeResolution = 9;
constexpr uint16_t kPacketFlags = 2;    // of a packet
constexpr uint16_t kReceivedCount = 4;  // of statistics
constexpr uint16_t kDroppedCount = 5;

// Numbers are in the byte order of the machine, which the section says.
class Block {
 public:
  explicit Block(uint32_t type) {
    put(type);
    put(uint32_t{0});
  }
  template <typename T>
  void put(T value) {
    char bytes[sizeof value];
    std::memcpy(bytes, &value, sizeof value);
    out_.append(bytes, sizeof value);
  }
  void put_bytes(const void* data, size_t size) {
    out_.append(static_cast<const char*>(data), size);
    out_.append((4 - size % 4) % 4, '\0');
  }
  void put_time(std::chrono::nanoseconds time) {
    const auto ns = static_cast<uint64_t>(time.count());
    put(static_cast<uint32_t>(ns >> 32));
    put(static_cast<uint32_t>(ns));
  }
  void option(uint16_t code, const void* data, size_t size) {
    put(code);
    put(static_cast<uint16_t>(size));
    put_bytes(data, size);
  }
  template <typename T>
  void option(uint16_t code, T value) {
    option(code, &value, sizeof value);
  }
  std::string finish() {
    put(kEndOfOptions);
    put(uint16_t{0});
    const auto total = static_cast<uint32_t>(out_.size() + 4);
    put(total);
    std::memcpy(out_.data() + 4, &total, 4);
    return std::move(out_);
  }

 private:
  std::string out_;
};

}  // namespace

std::string pcapng_section(std::string_view application) {
  Block block(kSection);
  block.put(uint32_t{0x1a2b3c4d});
  block.put(uint16_t{1});
  block.put(uint16_t{0});
  block.put(~uint64_t{0});  // of unknown length
  block.option(kUserApplication, application.data(), application.size());
  return block.finish();
}

std::string pcapng_interface(std::string_view name, uint32_t snap_length) {
  constexpr uint16_t kEthernet = 1;
  Block block(kInterface);
  block.put(kEthernet);
  block.put(uint16_t{0});
  block.put(snap_length);
  block.option(kInterfaceName, name.data(), name.size());
  block.option(kTimeResolution, uint8_t{9});
  return block.finish();
}

std::string pcapng_packet(const CapturedPacket& packet) {
  Block block(kPacket);
  block.put(packet.interface);
  block.put_time(packet.time);
  block.put(static_cast<uint32_t>(packet.bytes.size()));
  block.put(packet.length);
  block.put_bytes(packet.bytes.data(), packet.bytes.size());
  block.option(kPacketFlags, uint32_t{packet.received ? 1U : 2U});
  return block.finish();
}

std::string pcapng_statistics(uint32_t interface, std::chrono::nanoseconds time, uint64_t captured,
                              uint64_t lost) {
  Block block(kStatistics);
  block.put(interface);
  block.put_time(time);
  block.option(kReceivedCount, captured);
  block.option(kDroppedCount, lost);
  return block.finish();
}

}  // namespace sluice::upf
