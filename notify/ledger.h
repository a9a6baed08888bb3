// Keeps the store's record of who still waits for an event in step with what was delivered, a few
// changes a second however many deliveries there are. After a crash some notifications are
// therefore sent a second time; none is lost.
#pragma once

#include <memory>
#include <unordered_map>

#include "base/event_loop.h"
#include "base/store/store.h"
#include "notify/courier.h"
#include "notify/loop_gate.h"
#include "notify/outbox.h"

namespace sluice::notify {

class Ledger {
 public:
  // Belongs to the thread of `loop`, which `gate` leads to; loop and store must outlive it.
  Ledger(EventLoop& loop, std::shared_ptr<LoopGate> gate, store::Store& store,
         const Records& records);
  ~Ledger();  // writes down what is known by then, without waiting for it

  // The event is settled for one more subscriber.
  void note(const EventRef& event);

 private:
  void flush();

  EventLoop& loop_;
  const std::shared_ptr<LoopGate> gate_;
  store::Store& store_;
  const Records records_;
  std::unordered_map<std::string, EventRef> changed_;  // by key
  bool scheduled_ = false;
};

}  // namespace sluice::notify
