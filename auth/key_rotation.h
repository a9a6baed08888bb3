// Keeps a key ring in order as time goes: new keys in time, old ones removed.
#pragma once

#include "auth/key_ring.h"
#include "base/event_loop.h"

namespace sluice::auth {

// Both must outlive it; made and destroyed on the loop's thread.
class KeyRotation {
 public:
  KeyRotation(EventLoop& loop, KeyRing& keys);
  KeyRotation(const KeyRotation&) = delete;
  KeyRotation& operator=(const KeyRotation&) = delete;
  ~KeyRotation() { loop_.cancel(timer_); }

 private:
  void maintain();

  EventLoop& loop_;
  KeyRing& keys_;
  TimerId timer_;
};

}  // namespace sluice::auth
