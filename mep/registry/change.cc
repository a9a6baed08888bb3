#include "mep/registry/change.h"

#include <array>

namespace sluice::mep::registry {
namespace {

bool same_attributes(const ServiceRecord& a, const ServiceRecord& b) {
  ServiceInfo left = a.info;
  left.state = b.info.state;
  return left == b.info && a.capif == b.capif;
}

}  // namespace

std::string_view to_string(ChangeType type) {
  constexpr std::array<std::string_view, 4> kWords = {"ADDED", "REMOVED", "STATE_CHANGED",
                                                      "ATTRIBUTES_CHANGED"};
  return kWords[static_cast<size_t>(type)];
}

std::optional<ChangeType> classify(const ServiceChange& change) {
  if (change.before == nullptr && change.after == nullptr) return std::nullopt;
  if (change.before == nullptr) return ChangeType::kAdded;
  if (change.after == nullptr) return ChangeType::kRemoved;
  if (!same_attributes(*change.before, *change.after)) return ChangeType::kAttributesChanged;
  if (change.before->state() != change.after->state()) return ChangeType::kStateChanged;
  return std::nullopt;
}

}  // namespace sluice::mep::registry
