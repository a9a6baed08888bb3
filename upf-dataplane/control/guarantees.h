// What packets may count on where a port is busy, as the platform says it. What is spent of a rate
// outlives changes of the rules and of the rate.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "mp2/messages.h"
#include "traffic-rules/match.h"
#include "upf-dataplane/control/steering_table_builder.h"

namespace sluice::upf {

// Control thread only.
class Guarantees {
 public:
  // Of more than `capacity` the youngest are rejected, for as long as there is no room.
  explicit Guarantees(size_t capacity) : capacity_(capacity) {}

  // Adds or replaces.
  void put(mp2::GuaranteeEntry entry);
  void remove(const std::string& key) { entries_.erase(key); }
  // Removes what is not among `wanted`.
  void keep_only(const std::vector<mp2::GuaranteeEntry>& wanted);

  // Counters of the workers.
  struct Counters {
    std::function<uint32_t()> take;
    std::function<void(uint32_t)> give_back;
  };
  // Puts all of them into the table in hand, with their flows; before its rules are added.
  void add_to(SteeringTableBuilder& builder, uint64_t ticks_per_second, const Counters& counters);
  // In the table in hand: what the packets of an app's rule may count on, or kNoRank. `rule_key` is
  // that of Mp2.
  GuaranteeIndex of_rule(std::string_view rule_key) const;
  // What goes to and comes from an address that an app's DNS rule gives is the app's.
  void add_address(SteeringTableBuilder& builder, std::string_view rule_key,
                   const IpAddress& address) const;

  // Those that the table in hand does not keep, and why.
  std::vector<mp2::Rejection> rejections() const;
  // Calls visit(key, counter) for the others.
  void each_counter(const std::function<void(const std::string&, uint32_t)>& visit) const;

 private:
  struct Entry {
    mp2::GuaranteeEntry wanted;
    std::vector<traffic_rules::MatchBox> uplink;
    std::vector<traffic_rules::MatchBox> downlink;
    std::string fault;     // why it can never be kept; empty: none
    bool has_room = true;  // as of the table in hand
    bool is_kept() const { return fault.empty() && has_room; }
    bool of_app() const { return wanted.flows.empty(); }
  };
  // One rate: of an entry with flows, or of all entries of an app.
  struct Rate {
    std::shared_ptr<QerMeters> meters = std::make_shared<QerMeters>();
    uint32_t counter = 0;
    GuaranteeIndex index = kNoRank;  // in the table in hand
    uint64_t uplink_bps = 0;
    uint64_t downlink_bps = 0;
    bool used = false;
  };

  static std::string name_of(const Entry& entry);  // of its rate
  void find_room();
  void sum_up(const Counters& counters);

  size_t capacity_;
  std::map<std::string, Entry> entries_;
  std::map<std::string, Rate, std::less<>> rates_;
};

}  // namespace sluice::upf
