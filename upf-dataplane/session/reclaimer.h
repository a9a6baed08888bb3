// Freeing what workers may still be reading.
#pragma once

#include <functional>
#include <utility>
#include <vector>

namespace sluice::upf {

// The control thread unlinks an object, then retires it: `free` runs once no worker can hold a
// reference any more, on the control thread.
class Reclaimer {
 public:
  virtual ~Reclaimer() = default;
  virtual void retire(std::move_only_function<void()> free) = 0;
};

// For tests and programs in which no worker runs: frees when the owner says so.
class ManualReclaimer final : public Reclaimer {
 public:
  void retire(std::move_only_function<void()> free) override {
    retired_.push_back(std::move(free));
  }
  void grace_period() {
    auto due = std::move(retired_);
    retired_.clear();
    for (auto& free : due) free();
  }
  size_t pending() const { return retired_.size(); }
  ~ManualReclaimer() override { grace_period(); }

 private:
  std::vector<std::move_only_function<void()>> retired_;
};

}  // namespace sluice::upf
