#include "location/distances.h"

#include <algorithm>

#include "location/geometry.h"

namespace sluice::location {

Distances::Distances(const DistanceFilter& filter)
    : filter_(filter), holds_(filter.monitored.size() * others().size()) {
  for (size_t row = 0; row < filter_.monitored.size(); ++row) {
    for (size_t column = 0; column < others().size(); ++column) pairs_ += is_pair(row, column);
  }
}

// Without references the table is one of the monitored users by themselves: half of it counts.
bool Distances::is_pair(size_t row, size_t column) const {
  if (filter_.references.empty()) return row < column;
  return filter_.monitored[row] != filter_.references[column];
}

void Distances::set(size_t row, size_t column, const feeds::Fix* one, const feeds::Fix* other) {
  if (!is_pair(row, column)) return;
  const bool is = one != nullptr && other != nullptr &&
                  (distance_m(one->at, other->at) <= filter_.distance_m) == filter_.within;
  auto was = holds_[row * others().size() + column];
  if (is && !was) ++holding_;
  if (!is && was) --holding_;
  was = is;
}

void Distances::look_at_row(size_t row, const FixOf& fix_of) {
  const auto* one = fix_of(filter_.monitored[row]);
  for (size_t column = 0; column < others().size(); ++column) {
    set(row, column, one, one == nullptr ? nullptr : fix_of(others()[column]));
  }
}

void Distances::look_at_column(size_t column, const FixOf& fix_of) {
  const auto* other = fix_of(others()[column]);
  for (size_t row = 0; row < filter_.monitored.size(); ++row) {
    set(row, column, other == nullptr ? nullptr : fix_of(filter_.monitored[row]), other);
  }
}

template <typename Concerns>
void Distances::look_where(Concerns concerns, const FixOf& fix_of) {
  for (size_t row = 0; row < filter_.monitored.size(); ++row) {
    if (concerns(filter_.monitored[row])) look_at_row(row, fix_of);
  }
  for (size_t column = 0; column < others().size(); ++column) {
    if (concerns(others()[column])) look_at_column(column, fix_of);
  }
}

void Distances::look(const FixOf& fix_of) {
  for (size_t row = 0; row < filter_.monitored.size(); ++row) look_at_row(row, fix_of);
}

bool Distances::begin_to_hold(std::string_view user, const FixOf& fix_of) {
  if (holding_ > 0) {
    look_where([&](const auto& name) { return fix_of(name) == nullptr; }, fix_of);
  }
  const bool held = hold();
  look_where([&](const auto& name) { return name == user; }, fix_of);
  return !held && hold();
}

}  // namespace sluice::location
