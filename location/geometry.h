// Distances and areas on the earth (WGS 84). What computes them stays in geometry.cc.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "feeds/report.h"

namespace sluice::location {

using feeds::Coordinates;

// Along the ellipsoid, metres.
double distance_m(const Coordinates& a, const Coordinates& b);

// AreaInfo of MEC 013 §6.5.9. Immutable, cheap to copy.
class Area {
 public:
  static Area circle(const Coordinates& centre, double radius_m);
  // The corners in order, the first not repeated. kInvalidArgument when the sides cross each other,
  // or when it has no inside.
  static Result<Area> polygon(const std::vector<Coordinates>& corners);

  bool contains(const Coordinates& point) const;  // its edge included

 private:
  friend class AreaIndex;
  struct Shape;
  explicit Area(std::shared_ptr<const Shape> shape) : shape_(std::move(shape)) {}
  std::shared_ptr<const Shape> shape_;
};

// Finds those of many areas that a point is in, without looking at the others.
class AreaIndex {
 public:
  AreaIndex();
  AreaIndex(AreaIndex&&) noexcept;
  AreaIndex& operator=(AreaIndex&&) noexcept;
  ~AreaIndex();

  // Under a number of the caller's, each once.
  void add(uint64_t number, const Area& area);
  void remove(uint64_t number, const Area& area);
  size_t size() const;

  // The numbers of the areas that contain the point, in no order.
  std::vector<uint64_t> find(const Coordinates& point) const;

 private:
  struct Tree;
  std::unique_ptr<Tree> tree_;
};

}  // namespace sluice::location
