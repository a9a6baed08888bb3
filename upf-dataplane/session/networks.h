// The data networks and slices that sessions are in, numbered: rules that name one are looked up by
// the number.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <utility>

#include "base/error.h"
#include "traffic-rules/network_scope.h"

namespace sluice::upf {

// Control thread only. A number stays its network's for ever: there are few.
class Networks {
 public:
  static constexpr uint16_t kMost = 4096;

  // From 1 on. A new one is announced before this returns.
  Result<uint16_t> number_of(const traffic_rules::Network& network) {
    traffic_rules::Network known{traffic_rules::network_identifier(network.dnn), network.snssai};
    const auto found = numbers_.find(known);
    if (found != numbers_.end()) return found->second;
    if (numbers_.size() >= kMost) {
      return fail(ErrorCode::kResourceExhausted,
                  "sessions are in {} data networks and slices already", kMost);
    }
    const auto number = static_cast<uint16_t>(numbers_.size() + 1);
    numbers_.emplace(std::move(known), number);
    if (on_new_) on_new_();
    return number;
  }

  // Calls visit(number, network) for each.
  template <typename Visit>
  void each(Visit visit) const {
    for (const auto& [network, number] : numbers_) visit(number, network);
  }

  // Who is told of every new one; an empty function: nobody.
  void announce_to(std::function<void()> listener) { on_new_ = std::move(listener); }

 private:
  std::map<traffic_rules::Network, uint16_t> numbers_;
  std::function<void()> on_new_;
};

}  // namespace sluice::upf
