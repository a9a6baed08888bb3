// Room for the copies that a pipeline of the control thread makes, on the ordinary heap.
#pragma once

#include <algorithm>
#include <deque>
#include <vector>

#include "upf-dataplane/packet/copy_room.h"

namespace sluice::upf {

class HeapCopies final : public CopyRoom {
 public:
  // `most` bounds the copies between two calls of clear().
  explicit HeapCopies(size_t most) : most_(most) {}

  Packet* copy(const Packet& from) override {
    if (copies_.size() == most_) return nullptr;
    Copy& copy = copies_.emplace_back();
    copy.room.resize(kHeadroom + from.length);
    std::ranges::copy(from.bytes(), copy.room.begin() + kHeadroom);
    copy.packet.data = copy.room.data() + kHeadroom;
    copy.packet.length = from.length;
    copy.packet.headroom = kHeadroom;
    copy.packet.in_port = from.in_port;
    return &copy.packet;
  }

  // Calls visit(packet) for each copy since the last clear().
  template <typename Visit>
  void each(Visit visit) const {
    for (const Copy& copy : copies_) visit(copy.packet);
  }
  void clear() { copies_.clear(); }

 private:
  struct Copy {
    std::vector<uint8_t> room;
    Packet packet;
  };
  size_t most_;
  std::deque<Copy> copies_;  // which does not move what it holds
};

}  // namespace sluice::upf
