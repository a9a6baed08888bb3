// Raw Ethernet frames of one network interface.
#pragma once

#include <span>
#include <string>

#include "base/bytes.h"
#include "base/error.h"
#include "base/unique_fd.h"
#include "lab/send_batch.h"

namespace sluice::lab {

// Sees what arrives at the interface for anybody, not what this host sends. Offloads of the
// interface's peer must be off, or frames come in jumbo sizes and with partial checksums. VLAN tags
// are not carried. Needs CAP_NET_RAW.
class PacketPort {
 public:
  static constexpr size_t kBatch = kMaxSendBatch;

  static Result<PacketPort> open(const std::string& interface);

  int fd() const { return fd_.get(); }
  const std::string& interface() const { return interface_; }

  // Reads what is there into `buffers` (at most kBatch), shrinking each to its frame; returns how
  // many were filled. A frame longer than its buffer is left out.
  size_t receive(std::span<std::span<uint8_t>> buffers);
  // Returns how many of `frames` (at most kBatch) the interface took.
  size_t send(std::span<const Bytes> frames);

 private:
  PacketPort(UniqueFd fd, std::string interface)
      : fd_(std::move(fd)), interface_(std::move(interface)) {}

  UniqueFd fd_;
  std::string interface_;
};

}  // namespace sluice::lab
