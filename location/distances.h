// The distances that one UserDistanceSubscription is about, and whether its criterion holds.
#pragma once

#include <functional>
#include <string_view>
#include <vector>

#include "location/filters.h"

namespace sluice::location {

// A pair of users is looked at again when one of them has moved, not when anybody has: a report
// costs as many distances as there are users on the other side (20 at most), not all pairs.
class Distances {
 public:
  // Where a user is; null: not known well enough. Valid until the next report.
  using FixOf = std::function<const feeds::Fix*(const std::string& user)>;

  // `filter` must outlive it. Nothing is known at first.
  explicit Distances(const DistanceFilter& filter);

  // Looks at everything.
  void look(const FixOf& fix_of);
  // Looks at those of one user, who has moved, and gives up those of users who are known no more.
  // True: with this the criterion begins to hold.
  bool begin_to_hold(std::string_view user, const FixOf& fix_of);

  // A distance that is not known holds no criterion of "all", and decides none of "any".
  bool hold() const { return holding_ > 0 && (holding_ == pairs_ || !filter_.all); }

 private:
  const std::vector<std::string>& others() const {
    return filter_.references.empty() ? filter_.monitored : filter_.references;
  }
  bool is_pair(size_t row, size_t column) const;
  template <typename Concerns>
  void look_where(Concerns concerns, const FixOf& fix_of);
  void look_at_row(size_t row, const FixOf& fix_of);
  void look_at_column(size_t column, const FixOf& fix_of);
  void set(size_t row, size_t column, const feeds::Fix* one, const feeds::Fix* other);

  const DistanceFilter& filter_;
  std::vector<bool> holds_;  // by row (monitored) and column (others())
  size_t pairs_ = 0;
  size_t holding_ = 0;
};

}  // namespace sluice::location
