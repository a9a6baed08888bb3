#include "upf-dataplane/pfcp/group_reader.h"

#include <algorithm>

namespace sluice::upf::pfcp {
namespace {

// What a valid element that this UPF cannot enforce is refused with.
Cause unsupported_cause(IeType type) {
  switch (type) {
    case IeType::kForwardingPolicy:
      return Cause::kInvalidForwardingPolicy;
    case IeType::kActivatePredefinedRules:
    case IeType::kDeactivatePredefinedRules:
      return Cause::kUnknownPredefinedRule;
    case IeType::kApplicationId:
      return Cause::kUnknownApplicationId;
    default:
      return Cause::kServiceNotSupported;
  }
}

}  // namespace

std::vector<const Ie*> GroupReader::groups(IeType type) {
  read_.insert(type);
  std::vector<const Ie*> found;
  for (const Ie& element : all(ies_, type)) found.push_back(&element);
  return found;
}

void GroupReader::accept_if_zero(IeType type) {
  const Ie* found = take(type);
  if (found == nullptr) return;
  if (std::ranges::any_of(found->value, [](uint8_t octet) { return octet != 0; })) {
    refuse(Cause::kServiceNotSupported, type, "sets a flag that is not supported");
  }
}

void GroupReader::refuse(Cause cause, IeType type, std::string reason) {
  refuse(Rejection{cause, type, rule_, std::move(reason)});
}

void GroupReader::refuse(Rejection rejection) {
  if (failed()) return;
  if (!rejection.failed_rule) rejection.failed_rule = rule_;
  rejection_ = std::move(rejection);
}

std::optional<Rejection> GroupReader::finish() {
  for (const Ie& element : ies_) {
    if (read_.contains(element.type) || find_ie(element.type) == nullptr) continue;
    refuse(unsupported_cause(element.type), element.type, "is not supported here");
  }
  return rejection_;
}

}  // namespace sluice::upf::pfcp
