// The gNB's end of N3 in one address family: UDP port 2152, read and written in batches.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <memory>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "base/net/ip_address.h"
#include "base/unique_fd.h"
#include "lab/gtpu.h"
#include "lab/send_batch.h"

namespace sluice::lab {

// A UDP endpoint as the system calls want it.
class Endpoint {
 public:
  Endpoint() = default;
  Endpoint(const IpAddress& address, uint16_t port);

  IpAddress address() const;
  const sockaddr_storage& raw() const { return storage_; }
  sockaddr_storage& raw() { return storage_; }
  socklen_t size() const;

 private:
  sockaddr_storage storage_{};
};

// Buffers for one batch of packets. A packet lies kUplinkHeaderSize octets into its slot, so that a
// GTP-U header can be put before it without moving it.
class PacketBatch {
 public:
  static constexpr size_t kSlots = kMaxSendBatch;
  static constexpr size_t kRoom = 2048 - kUplinkHeaderSize;  // octets of one packet

  PacketBatch() : slots_(std::make_unique<Slots>()) {}
  std::span<uint8_t> whole(size_t slot) { return (*slots_)[slot]; }
  std::span<uint8_t> packet(size_t slot) { return whole(slot).subspan(kUplinkHeaderSize); }

 private:
  using Slots = std::array<std::array<uint8_t, 2048>, kSlots>;
  std::unique_ptr<Slots> slots_;
};

struct Received {
  Bytes datagram;  // valid until the next receive()
  Endpoint from;
};

class GtpuSocket {
 public:
  // Binds `own`:2152, non-blocking, with large buffers.
  static Result<GtpuSocket> bind(const IpAddress& own);

  const IpAddress& own() const { return own_; }
  int fd() const { return fd_.get(); }

  // What has arrived, at most PacketBatch::kSlots datagrams; empty when there is none.
  std::span<const Received> receive();
  // Sends all to one peer; returns how many the kernel took (the rest is lost, as on a full queue).
  size_t send(std::span<const Bytes> datagrams, const Endpoint& to);
  void send_one(Bytes datagram, const Endpoint& to) { send({&datagram, 1}, to); }

 private:
  GtpuSocket(UniqueFd fd, const IpAddress& own) : fd_(std::move(fd)), own_(own) {}

  UniqueFd fd_;
  IpAddress own_;
  PacketBatch batch_;
  std::vector<Received> received_{PacketBatch::kSlots};
};

}  // namespace sluice::lab
