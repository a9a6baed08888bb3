// How long to wait before a notification is tried again.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <random>

namespace sluice::notify {

struct BackoffRules {
  std::chrono::milliseconds first{500};       // after the first failure, about
  std::chrono::milliseconds longest{60'000};  // never more than this, about
};

// Doubles with every failure in a row (failures >= 1) up to `longest`, and is then drawn from the
// upper half of that, so that subscribers that failed together do not come back together.
template <typename Random>
std::chrono::milliseconds backoff(const BackoffRules& rules, unsigned failures, Random& random) {
  const auto doublings = std::min(failures - 1, 20U);
  const int64_t full = std::min<int64_t>(rules.first.count() << doublings, rules.longest.count());
  return std::chrono::milliseconds(std::uniform_int_distribution<int64_t>(full / 2, full)(random));
}

}  // namespace sluice::notify
