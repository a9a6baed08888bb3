// What the radio network has reported so far: its cells, and of every user the newest of each kind
// of report. Plain data without locks or clocks.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/error.h"
#include "feeds/report.h"

namespace sluice::feeds {

struct StateLimits {
  size_t users = 200'000;
  size_t cells = 10'000;
  size_t bearers_of_user = 16;
};

using CellId = uint32_t;  // place in the table of cells; stays while the state lives
using UserId = uint32_t;  // the same of users, until the user is forgotten
inline constexpr CellId kNoCell = UINT32_MAX;

struct Cell {
  std::string id;
  std::string zone;
  bool in_map = false;  // false: its place is free
  Technology technology = Technology::kUnknown;
  Operation operation = Operation::kUnknown;
  std::optional<Fix> place;
  std::string timezone, realm;
  int64_t time_ms = 0;
  std::set<UserId> users;  // whom it serves
};

struct Zone {
  std::set<CellId> cells;
  size_t users = 0;
};

struct Measurement {
  int64_t time_ms = 0;
  Signal serving;
  std::optional<uint16_t> timing_advance;
  std::vector<Signal> neighbours;
};

struct Bearer {
  int64_t time_ms = 0;
  BearerReport report;
};

// Few users have any at one time.
struct Radio {
  Measurement measurement;      // time_ms 0: none
  std::vector<Bearer> bearers;  // released ones as well, until the user is forgotten
};

struct User {
  const std::string* address = nullptr;  // null: the place is free
  CellId cell = kNoCell;                 // outside of the map, or not known
  const std::string* outside = nullptr;  // the cell's name where it is not in the map
  int64_t cell_time_ms = 0;              // of the report that says so; 0: none does
  int64_t fix_time_ms = 0;               // 0: no position
  Fix fix;
  int64_t detached_ms = 0;  // what is older is late
  std::unique_ptr<Radio> radio;

  // Of the newest report.
  int64_t newest_ms() const;
};

// Of one report that was not late.
struct Change {
  enum class Kind : uint8_t { kUser, kCell };
  Kind kind = Kind::kUser;
  int64_t time_ms = 0;
  UserId user = 0;       // kUser
  CellId was = kNoCell;  // kUser: who served the user before; kCell: the cell
  CellId is = kNoCell;   // kUser: who serves the user now
  std::string_view was_zone =
      {};  // of these cells, before and after; empty: none. For the call alone
  std::string_view is_zone = {};
  bool located = false;  // the user's position is a new one, or known no more
  // kUser: nobody reported of the user any more. Nothing has happened in the network.
  bool forgotten = false;
  Operation was_operation = Operation::kUnknown;  // kCell; of its first report: what that says
};

class RanState {
 public:
  explicit RanState(StateLimits limits) : limits_(limits) {}

  // Whom to tell of each change when it has been made; may look at everything.
  class Observer {
   public:
    virtual ~Observer() = default;
    virtual void changed(const RanState& state, const Change& change) = 0;
  };

  // Takes what is newer than what is known. False: nothing was, the report is late. What a cell
  // loses by leaving the map, or its zone by another zone, is told of user by user, and so are
  // those who were reported at a cell before it entered the map. kResourceExhausted at a bound.
  Result<bool> apply(Report&& report, Observer* observer);

  // Forgets users of whom nothing was heard since. The observer hears of each as `forgotten`, at
  // the time `now_ms`.
  size_t forget_before(int64_t time_ms, int64_t now_ms, Observer* observer);

  const User* find_user(std::string_view address) const;
  const User& user(UserId id) const { return users_[id]; }
  std::optional<UserId> user_id(std::string_view address) const;
  const Cell* find_cell(std::string_view id) const;  // in the map
  const Cell& cell(CellId id) const { return cells_[id]; }
  std::string_view zone_of(CellId id) const {
    return id == kNoCell ? std::string_view() : std::string_view(cells_[id].zone);
  }
  const std::map<std::string, CellId, std::less<>>& cells() const { return cell_ids_; }
  const std::map<std::string, Zone, std::less<>>& zones() const { return zones_; }
  size_t users() const { return user_ids_.size(); }

 private:
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };

  Result<bool> apply_cell(CellReport&& report, int64_t time_ms, Observer* observer);
  void empty_cell(CellId id, int64_t time_ms, Observer* observer);
  void enter_zone(CellId id, const std::string& zone, int64_t time_ms, Observer* observer);
  void fill_cell(CellId id, int64_t time_ms, Observer* observer);
  Result<UserId> place_of(const std::string& address);
  void take_out(UserId id);
  void put_in(UserId id, CellId cell);
  void put_outside(UserId id, std::string_view cell);
  bool serve(UserId id, std::string_view cell, int64_t time_ms, Change& change);
  Result<bool> take_bearer(User& user, const BearerReport& report, int64_t time_ms);
  static bool take_measurement(User& user, MeasurementReport&& report, int64_t time_ms);
  bool detach(UserId id, int64_t time_ms, Change& change);

  const StateLimits limits_;
  std::vector<Cell> cells_;
  std::map<std::string, CellId, std::less<>> cell_ids_;
  std::map<std::string, int64_t, std::less<>> removed_cells_;  // when
  std::vector<CellId> free_cells_;
  std::map<std::string, Zone, std::less<>> zones_;
  // Whom cells serve that are not in the map: no more names than users.
  std::map<std::string, std::set<UserId>, std::less<>> outside_;
  std::deque<User> users_;
  std::vector<UserId> free_users_;
  std::unordered_map<std::string, UserId, Hash, std::equal_to<>> user_ids_;
};

}  // namespace sluice::feeds
