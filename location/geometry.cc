#include "location/geometry.h"

#include <boost/geometry/algorithms/buffer.hpp>
#include <boost/geometry/algorithms/correct.hpp>
#include <boost/geometry/algorithms/covered_by.hpp>
#include <boost/geometry/algorithms/distance.hpp>
#include <boost/geometry/algorithms/envelope.hpp>
#include <boost/geometry/algorithms/is_valid.hpp>
#include <boost/geometry/core/cs.hpp>
#include <boost/geometry/geometries/box.hpp>
#include <boost/geometry/geometries/multi_polygon.hpp>
#include <boost/geometry/geometries/point.hpp>
#include <boost/geometry/geometries/polygon.hpp>
#include <boost/geometry/index/rtree.hpp>
#include <boost/geometry/strategies/geographic/buffer_point_circle.hpp>
#include <boost/geometry/strategies/strategies.hpp>
#include <unordered_map>

namespace sluice::location {
namespace {

namespace bg = boost::geometry;
using Point = bg::model::point<double, 2, bg::cs::geographic<bg::degree>>;  // longitude, latitude
using Polygon = bg::model::polygon<Point>;
// What an R-tree sorts by needs no ellipsoid: boxes are compared, not measured.
using Corner = bg::model::point<double, 2, bg::cs::spherical_equatorial<bg::degree>>;
using Box = bg::model::box<Corner>;

Point point_of(const Coordinates& at) { return {at.longitude, at.latitude}; }
Corner corner_of(const Coordinates& at) { return {at.longitude, at.latitude}; }

// The least box around something, with room for what the sides of a polygon bulge towards a pole.
template <typename Geometry>
Box box_around(const Geometry& geometry) {
  bg::model::box<Point> box;
  bg::envelope(geometry, box);
  const auto& low = box.min_corner();
  const auto& high = box.max_corner();
  constexpr double kRoom = 1e-6;
  return {{bg::get<0>(low) - kRoom, std::max(bg::get<1>(low) - kRoom, -90.0)},
          {bg::get<0>(high) + kRoom, std::min(bg::get<1>(high) + kRoom, 90.0)}};
}

}  // namespace

double distance_m(const Coordinates& a, const Coordinates& b) {
  return bg::distance(point_of(a), point_of(b));
}

struct Area::Shape {
  Polygon polygon;  // empty: a circle
  Coordinates centre;
  double radius_m = 0;
  Box box;
};

Area Area::circle(const Coordinates& centre, double radius_m) {
  auto shape = std::make_shared<Shape>();
  shape->centre = centre;
  shape->radius_m = radius_m;
  // A polygon of this many corners reaches to 99.5 % of its radius everywhere.
  constexpr size_t kCorners = 36;
  const bg::strategy::buffer::geographic_point_circle<> outline(kCorners);
  const bg::strategy::buffer::distance_symmetric<double> reach(radius_m * 1.01 + 1);
  bg::model::multi_polygon<Polygon> around;
  bg::buffer(point_of(centre), around, reach, bg::strategy::buffer::side_straight(),
             bg::strategy::buffer::join_round(kCorners), bg::strategy::buffer::end_round(kCorners),
             outline);
  shape->box = box_around(around);
  return Area(std::move(shape));
}

Result<Area> Area::polygon(const std::vector<Coordinates>& corners) {
  auto shape = std::make_shared<Shape>();
  for (const auto& corner : corners) bg::append(shape->polygon.outer(), point_of(corner));
  bg::correct(shape->polygon);  // closed, and clockwise
  std::string why;
  if (!bg::is_valid(shape->polygon, why)) {
    return bad_field("areaDefine.points", "are no polygon: {}", why);
  }
  shape->box = box_around(shape->polygon);
  return Area(std::move(shape));
}

bool Area::contains(const Coordinates& point) const {
  if (shape_->polygon.outer().empty()) {
    return distance_m(shape_->centre, point) <= shape_->radius_m;
  }
  return bg::covered_by(point_of(point), shape_->polygon);
}

struct AreaIndex::Tree {
  using Entry = std::pair<Box, uint64_t>;
  struct Equal {
    bool operator()(const Entry& a, const Entry& b) const { return a.second == b.second; }
  };
  bg::index::rtree<Entry, bg::index::quadratic<16>, bg::index::indexable<Entry>, Equal> boxes;
  std::unordered_map<uint64_t, Area> areas;
};

AreaIndex::AreaIndex() : tree_(std::make_unique<Tree>()) {}
AreaIndex::AreaIndex(AreaIndex&&) noexcept = default;
AreaIndex& AreaIndex::operator=(AreaIndex&&) noexcept = default;
AreaIndex::~AreaIndex() = default;

void AreaIndex::add(uint64_t number, const Area& area) {
  tree_->areas.emplace(number, area);
  tree_->boxes.insert({area.shape_->box, number});
}

void AreaIndex::remove(uint64_t number, const Area& area) {
  tree_->areas.erase(number);
  tree_->boxes.remove({area.shape_->box, number});
}

size_t AreaIndex::size() const { return tree_->areas.size(); }

std::vector<uint64_t> AreaIndex::find(const Coordinates& point) const {
  std::vector<uint64_t> out;
  const auto corner = corner_of(point);
  for (auto it = tree_->boxes.qbegin(bg::index::intersects(corner)); it != tree_->boxes.qend();
       ++it) {
    if (tree_->areas.at(it->second).contains(point)) out.push_back(it->second);
  }
  return out;
}

}  // namespace sluice::location
