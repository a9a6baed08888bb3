// Follows the feed and tells subscribers what concerns them.
//
//   report ─▶ RanState ─▶ changed(): who watches this user, this zone? ─▶ pending
//                         after_reports(): one change of the store ─▶ outbox ─▶ notify/
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "base/store/store.h"
#include "location/answers.h"
#include "location/distances.h"
#include "location/filters.h"
#include "location/records.h"
#include "notify/outbox.h"

namespace sluice::location {

// Names of the API in the store: one for each collection of subscriptions.
inline constexpr const char* kApis[] = {"location_users", "location_zones", "location_area",
                                        "location_distance"};

struct TrackerSite {
  feeds::RanFeed& feed;
  const Answers& answers;
  store::Store& store;
  const notify::Outbox& outbox;
  Records records;
  const Clock& clock;
  size_t waiting;  // notifications that wait for the store; beyond, new ones are dropped
};

// What is between one call and the next costs time in proportion to whom a report concerns, not to
// the number of subscriptions.
class Tracker final : public feeds::Follower {
 public:
  // What `site` refers to must outlive it.
  explicit Tracker(TrackerSite site) : site_(site) {}
  Tracker(const Tracker&) = delete;
  Tracker& operator=(const Tracker&) = delete;

  // feeds::Follower
  void before_reports(const feeds::RanState& state) override;
  void changed(const feeds::RanState& state, const feeds::Change& change) override;
  void after_reports() override;

  // Sends what is due without any report, and looks at new subscriptions. A few times a second.
  void tick();

  // Notifications that were dropped so far. From any thread.
  uint64_t dropped() const { return dropped_; }

 private:
  // A subscription, and how it stands.
  struct Watch {
    uint64_t number = 0;
    std::string id;
    uint64_t version = 0;
    Filter filter;
    uint64_t told = 0;
    std::optional<std::chrono::steady_clock::time_point> last;  // told
    std::chrono::steady_clock::time_point due{};                // periodic
    std::optional<Distances> distances = {};                    // as far as they are known
  };
  // Who watches one user.
  struct UserWatches {
    std::vector<Watch*> events;
    std::vector<Watch*> distances;
    AreaIndex areas;
    std::unordered_map<uint64_t, Watch*> by_area;
    std::set<uint64_t> inside;  // areas that the user is in, as far as is known
    bool empty() const { return events.empty() && distances.empty() && by_area.empty(); }
  };
  struct ZoneWatches {
    std::vector<Watch*> events;
    std::vector<Watch*> states;
    bool empty() const { return events.empty() && states.empty(); }
  };
  struct Pending {
    nlohmann::json body;
    const char* envelope;
    std::vector<std::string> to;
  };

  void catch_up(const feeds::RanState& state);
  void put(const feeds::RanState& state, const std::string& key,
           const notify::Subscription& subscription);
  void remove(const std::string& key);
  void enter(const feeds::RanState& state, Watch& watch);  // into the indexes
  void leave(const Watch& watch);                          // and out of them
  void forget_counts(const store::Snapshot& state);

  void zone_events(const feeds::RanState& state, const feeds::Change& change);
  void zone_event(std::string_view zone, const feeds::RanState& state, const feeds::Change& change,
                  bool entering);
  void user_events(const feeds::RanState& state, const feeds::Change& change, UserWatches& user);
  void area_events(const feeds::RanState& state, const feeds::Change& change, UserWatches& user);
  void area_event(const feeds::RanState& state, const feeds::Change& change, Watch& watch,
                  bool entering);
  void zone_numbers(const feeds::RanState& state, const feeds::Change& change,
                    std::string_view zone, feeds::CellId cell, bool zone_changed, bool entering);
  void operation_event(const feeds::RanState& state, const feeds::Change& change);
  void distance_event(const feeds::RanState& state, const feeds::Change& change, Watch& watch);
  void tell_of_distances(const feeds::RanState& state, int64_t time_ms, Watch& watch);
  // The position of a user where it is known, not stale, and no less certain than that.
  const feeds::Fix* known_fix(const feeds::RanState& state, const std::string& user,
                              double accuracy_m) const;
  void report_periodically(const feeds::RanState& state);

  bool may_tell(Watch& watch, const Pace& pace);
  void tell(const char* envelope, nlohmann::json body, std::vector<std::string> to);
  void flush();

  const TrackerSite site_;
  store::PersistentMap<store::Stored<notify::Subscription>> seen_;
  bool loaded_ = false;
  uint64_t last_number_ = 0;
  std::map<std::string, std::unique_ptr<Watch>> watches_;  // by the subscription's key
  std::unordered_map<std::string, UserWatches> users_;
  std::unordered_map<std::string, ZoneWatches> zones_;
  std::map<uint64_t, Watch*> periodic_;
  std::vector<Pending> pending_;
  // Changes that the store has not finished. Shared with it: it may finish one behind our end.
  const std::shared_ptr<std::atomic<size_t>> unfinished_ = std::make_shared<std::atomic<size_t>>(0);
  std::atomic<uint64_t> dropped_ = 0;
  std::map<std::string, Told> counted_;  // to be written
  std::vector<std::string> uncounted_;   // to be erased
};

}  // namespace sluice::location
