// What kind of change a subscriber hears of (MEC 011 §8.1.4.2).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "mep/registry/records.h"

namespace sluice::mep::registry {

enum class ChangeType : uint8_t { kAdded, kRemoved, kStateChanged, kAttributesChanged };
std::string_view to_string(ChangeType type);  // "STATE_CHANGED"

// One service before and after; null where it was not there. They live elsewhere.
struct ServiceChange {
  std::string id;  // serInstanceId
  const ServiceRecord* before = nullptr;
  const ServiceRecord* after = nullptr;

  const ServiceRecord& latest() const { return after != nullptr ? *after : *before; }
};

// kAttributesChanged when anything besides the state differs, whether or not the state does;
// nullopt when nothing that a consumer can see does.
std::optional<ChangeType> classify(const ServiceChange& change);

}  // namespace sluice::mep::registry
