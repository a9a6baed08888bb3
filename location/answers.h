// What the feed knows, in the words of MEC 013 §6.2 and §6.5.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "feeds/ran_feed.h"

namespace sluice::location {

// LocationInfo, and its JSON text.
nlohmann::json location_info(const feeds::Fix& fix);
std::string location_text(const feeds::Fix& fix);

// Links to what is told, below "https://mep.example/location/v3".
class Answers {
 public:
  // `feed` must outlive it.
  Answers(const feeds::RanFeed& feed, std::string base) : feed_(feed), base_(std::move(base)) {}

  const std::string& base() const { return base_; }

  // UserInfo; without access point and zone for a user at none. `stale`: true where nothing newer
  // was reported for a while. A position that is out of date while the access point is not is left
  // out.
  nlohmann::json user_info(const feeds::RanState& state, const feeds::User& user) const;
  std::string user_text(const feeds::RanState& state, const feeds::User& user) const;  // the same
  nlohmann::json zone_info(const std::string& id, const feeds::RanState& state,
                           const feeds::Zone& zone) const;
  nlohmann::json access_point_info(const feeds::Cell& cell) const;
  // The position, where there is one that counts.
  const feeds::Fix* current_fix(const feeds::User& user) const;

 private:
  const feeds::RanFeed& feed_;
  const std::string base_;
};

nlohmann::json time_stamp_ms(int64_t unix_ms);

}  // namespace sluice::location
