#include "upf-dataplane/control/usage_records.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/json_writer.h"

namespace sluice::upf {
namespace {

int64_t milliseconds(std::chrono::system_clock::time_point time) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count();
}

void add(UsageEntry& sum, const UsageEntry& part) {
  sum.uplink_packets += part.uplink_packets;
  sum.uplink_bytes += part.uplink_bytes;
  sum.downlink_packets += part.downlink_packets;
  sum.downlink_bytes += part.downlink_bytes;
}

void put(JsonWriter& out, const char* name, const auto& value) {
  out.name(name);
  out.value(value);
}

}  // namespace

UsageRecords::UsageRecords(std::string run, std::vector<UsageRecorder*> recorders,
                           FindUser find_user, const Clock& clock)
    : run_(std::move(run)), find_user_(std::move(find_user)), clock_(clock) {
  for (UsageRecorder* recorder : recorders)
    writers_.push_back({recorder, clock.wall(), clock.wall()});
}

void UsageRecords::session_ends(uint32_t serial, User user) {
  gone_.insert_or_assign(serial, Gone{.user = std::move(user)});
}

std::string UsageRecords::turn() {
  const Time now = clock_.wall();
  Sums sums;
  for (Writer& writer : writers_) {
    const bool taken = writer.recorder->take([&](const UsageEntry& entry) {
      Sum& sum = sums[{entry.session, entry.rule - 1}];
      sum.slot = entry.slot;
      sum.start = std::min(sum.start, writer.taken_next);
      sum.end = std::max(sum.end, writer.counting);
      add(sum.usage, entry);
    });
    if (taken) writer.taken_next = std::exchange(writer.counting, now);
  }
  std::string out;
  for (const auto& [key, sum] : sums) append(key, sum, out);
  for (auto it = gone_.begin(); it != gone_.end();) {
    it = --it->second.turns == 0 ? gone_.erase(it) : std::next(it);
  }
  return out;
}

void UsageRecords::append(const std::pair<uint32_t, uint32_t>& key, const Sum& sum,
                          std::string& out) {
  const auto& [serial, counter] = key;
  const auto gone = gone_.find(serial);
  const User user = gone != gone_.end() ? gone->second.user : find_user_(sum.slot, serial);
  const auto known = rules_.find(counter);
  const std::string rule = known == rules_.end() ? std::string() : known->second;
  const size_t slash = std::min(rule.find('/'), rule.size());
  JsonWriter record(out);
  record.begin_object();
  put(record, "run", run_);
  put(record, "number", ++last_record_);
  put(record, "start", milliseconds(sum.start));
  put(record, "end", milliseconds(sum.end));
  put(record, "appInstanceId", rule.substr(0, slash));
  put(record, "ruleId", rule.substr(std::min(slash + 1, rule.size())));
  record.name("ue");
  record.begin_array();
  for (const auto& address : user.addresses) record.value(address);
  record.end_array();
  put(record, "seid", fmt::format("{:#x}", user.seid.value()));
  put(record, "uplinkPackets", sum.usage.uplink_packets);
  put(record, "uplinkBytes", sum.usage.uplink_bytes);
  put(record, "downlinkPackets", sum.usage.downlink_packets);
  put(record, "downlinkBytes", sum.usage.downlink_bytes);
  record.end_object();
  out.push_back('\n');
}

uint64_t UsageRecords::unattributed() const {
  uint64_t sum = 0;
  for (const Writer& writer : writers_) sum += writer.recorder->unattributed();
  return sum;
}

}  // namespace sluice::upf
