// Integers that must not be mixed up: StrongId<struct TeidTag, uint32_t> is a type of its own.
#pragma once

#include <compare>
#include <cstddef>
#include <functional>

namespace sluice {

template <typename Tag, typename Rep>
class StrongId {
 public:
  constexpr StrongId() = default;
  constexpr explicit StrongId(Rep value) : value_(value) {}
  constexpr Rep value() const { return value_; }
  constexpr auto operator<=>(const StrongId&) const = default;

 private:
  Rep value_ = 0;
};

}  // namespace sluice

template <typename Tag, typename Rep>
struct std::hash<sluice::StrongId<Tag, Rep>> {
  size_t operator()(sluice::StrongId<Tag, Rep> id) const { return std::hash<Rep>{}(id.value()); }
};
