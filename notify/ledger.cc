#include "notify/ledger.h"

#include <nlohmann/json.hpp>

#include "base/log.h"

namespace sluice::notify {
namespace {

constexpr std::chrono::milliseconds kFlushAfter{100};
constexpr std::chrono::seconds kRetryAfter{1};  // when the store could not be written

std::vector<std::string> still_waiting(const EventInTransit& event) {
  std::vector<std::string> out;
  for (size_t i = 0; i < event.settled.size(); ++i) {
    if (!event.settled[i]) out.push_back(event.event.to[i]);
  }
  return out;
}

}  // namespace

Ledger::Ledger(EventLoop& loop, std::shared_ptr<LoopGate> gate, store::Store& store,
               const Records& records)
    : loop_(loop), gate_(std::move(gate)), store_(store), records_(records) {}

Ledger::~Ledger() { flush(); }

void Ledger::note(const EventRef& event) {
  changed_.try_emplace(event->key, event);
  if (std::exchange(scheduled_, true)) return;
  loop_.after(kFlushAfter, [this] {
    scheduled_ = false;
    flush();
  });
}

void Ledger::flush() {
  if (changed_.empty()) return;
  const auto events = std::make_shared<std::unordered_map<std::string, EventRef>>();
  events->swap(changed_);
  const auto edit = [this, &events](store::Transaction& change) -> Result<void> {
    for (const auto& [key, event] : *events) {
      if (event->left == 0) {
        change.erase(records_.events, key);
        change.erase(records_.waiting, key);
      } else {
        change.put(records_.waiting, key, still_waiting(*event));
      }
    }
    return {};
  };
  store_.submit(edit, [this, events, gate = gate_](Result<void> done) {
    if (done) return;
    spdlog::error("deliveries not recorded, trying again reason=\"{}\"", done.error().to_string());
    gate->post([this, events] {  // while the gate is open there is a ledger
      loop_.after(kRetryAfter, [this, events] {
        for (const auto& [key, event] : *events) note(event);
      });
    });
  });
}

}  // namespace sluice::notify
