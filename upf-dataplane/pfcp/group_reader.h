// Reads the elements of a message or group one by one and remembers which it was asked for, so
// that what nobody asked for is refused by name instead of being silently ignored.
#pragma once

#include <initializer_list>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "upf-dataplane/pfcp/ie_access.h"

namespace sluice::upf::pfcp {

// The first thing wrong wins; after it every read yields nothing and finish() returns it.
class GroupReader {
 public:
  // `ies` must outlive the reader.
  explicit GroupReader(std::span<const Ie> ies) : ies_(ies) {}

  // The rule that this group describes, named in every rejection from here on.
  void names_rule(RuleType type, uint32_t id) { rule_ = FailedRuleId{type, id}; }

  // The value of an element that has to be there; `missing` is the cause when it is not.
  template <typename T>
  T required(Cause missing = Cause::kMandatoryIeMissing) {
    auto value = optional<T>();
    if (!value) {
      refuse(missing, IeCodec<T>::kType, "is missing");
      return T{};
    }
    return *std::move(value);
  }

  template <typename T>
  std::optional<T> optional() {
    const Ie* found = take(IeCodec<T>::kType);
    if (found == nullptr || failed()) return std::nullopt;
    return decode<T>(*found);
  }

  // Every value of a repeatable element.
  template <typename T>
  std::vector<T> each() {
    std::vector<T> values;
    read_.insert(IeCodec<T>::kType);
    for (const Ie& element : all(ies_, IeCodec<T>::kType)) {
      if (auto value = decode<T>(element)) values.push_back(*std::move(value));
    }
    return values;
  }

  // The elements of a group; nullopt when it is not there.
  std::optional<std::span<const Ie>> group(IeType type) {
    const Ie* found = take(type);
    if (found == nullptr || failed()) return std::nullopt;
    return found->children;
  }
  std::span<const Ie> required_group(IeType type, Cause missing = Cause::kMandatoryIeMissing) {
    const auto children = group(type);
    if (!children) refuse(missing, type, "is missing");
    return children.value_or(std::span<const Ie>{});
  }
  // Every group of a repeatable type, as elements.
  std::vector<const Ie*> groups(IeType type);

  // Elements that need no enforcement: they inform, or accompany what is refused on its own.
  void accept(std::initializer_list<IeType> types) { read_.insert(types.begin(), types.end()); }
  // A flags element of which no flag is supported: accepted while all are zero.
  void accept_if_zero(IeType type);

  void refuse(Cause cause, IeType type, std::string reason);
  void refuse(Rejection rejection);
  bool failed() const { return rejection_.has_value(); }

  // Refuses a Release 17 element that was not asked for; unknown and vendor-specific ones are
  // ignored (§7.6.5). Then: nothing, or what went wrong first.
  std::optional<Rejection> finish();

 private:
  const Ie* take(IeType type) {
    read_.insert(type);
    return find(ies_, type);
  }

  template <typename T>
  std::optional<T> decode(const Ie& element) {
    auto value = IeCodec<T>::read(element.value);
    if (value) return *std::move(value);
    refuse(value.error().cause, element.type, value.error().reason);
    return std::nullopt;
  }

  std::span<const Ie> ies_;
  std::set<IeType> read_;
  std::optional<FailedRuleId> rule_;
  std::optional<Rejection> rejection_;
};

}  // namespace sluice::upf::pfcp
