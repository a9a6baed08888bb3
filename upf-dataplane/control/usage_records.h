// Usage records: how much each user moved by each MEC rule, in short stretches, so that a crash
// loses less than a second of it. README.md describes the format.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "upf-dataplane/session/model.h"
#include "upf-dataplane/worker/usage_recorder.h"

namespace sluice::upf {

// Control thread only.
class UsageRecords {
 public:
  // What is counted in one turn is written at the end of the next.
  static constexpr std::chrono::milliseconds kTurn{300};

  struct User {
    Seid seid;
    std::vector<std::string> addresses;  // of the UE
  };
  // Whose the session in a slot is that has the serial number; SEID 0: there is none any more.
  using FindUser = std::function<User(uint32_t slot, uint32_t serial)>;

  // `run` is unlike that of any other start; `recorders` are all writers'. All must outlive this.
  UsageRecords(std::string run, std::vector<UsageRecorder*> recorders, FindUser find_user,
               const Clock& clock);

  // Ends a turn and returns its records, a line each. Call it every kTurn.
  std::string turn();

  // A session is about to go: what it used until now keeps its name until it is written.
  void session_ends(uint32_t serial, User user);

  // The rule "<appInstanceId>/<ruleId>" counts at `counter` from now on. What another has counted
  // there has been written by now: counters rest.
  void rule_counts(uint32_t counter, std::string key) {
    rules_.insert_or_assign(counter, std::move(key));
  }

  uint64_t records() const { return last_record_; }
  // Packets that no room was left for in a turn.
  uint64_t unattributed() const;

 private:
  using Time = std::chrono::system_clock::time_point;
  // What is counted in the writer's two tables began when.
  struct Writer {
    UsageRecorder* recorder;
    Time taken_next;  // the table that the control thread has
    Time counting;    // the table in use
  };
  struct Sum {
    uint32_t slot = 0;
    Time start = Time::max();
    Time end = Time::min();
    UsageEntry usage = {};
  };
  struct Gone {
    User user;
    int turns = 4;  // a writer may be late by one
  };
  using Sums = std::map<std::pair<uint32_t, uint32_t>, Sum>;  // by session and rule

  void append(const std::pair<uint32_t, uint32_t>& key, const Sum& sum, std::string& out);

  const std::string run_;
  std::vector<Writer> writers_;
  const FindUser find_user_;
  const Clock& clock_;
  std::unordered_map<uint32_t, Gone> gone_;  // by serial
  // By counter; those of removed rules stay until the counter is another's.
  std::unordered_map<uint32_t, std::string> rules_;
  uint64_t last_record_ = 0;
};

}  // namespace sluice::upf
