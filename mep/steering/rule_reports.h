// What the user plane last said about the rules it was given; written by the reconciler, read by
// everyone.
#pragma once

#include <array>
#include <atomic>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>

#include "mp2/messages.h"

namespace sluice::mep {

using mp2::RuleKind;

class RuleReports {
 public:
  struct Link {
    bool connected = false;
    std::string instance_id{};  // of the UPF last heard of; empty: none yet
    uint64_t installed_generation = 0;
    std::string refusal{};     // why the UPF refused the newest set; empty: it did not
    mp2::Features features{};  // as the UPF says; a bound of 0: it does not say
    int64_t since_ms = 0;      // when `connected` became what it is, Unix time
  };

  // All members: from any thread.
  Link link() const;
  // Nothing when the UPF has not told yet.
  std::optional<mp2::RuleStatus> status(RuleKind kind, const std::string& key) const;

  // Counts what was told of DNS rules: as long as it stays, so does unusable_dns().
  uint64_t dns_revision() const { return dns_revision_.load(std::memory_order_acquire); }
  // Keys of the DNS rules that the user plane does not answer by, suspended or rejected.
  std::set<std::string> unusable_dns() const;

  void set_link(Link link);
  void merge(const mp2::Status& status);
  // The user plane has installed `update`, or (null) a whole set, without the rejected rules. What
  // was said of the rules in it is void; the rejections stand until the next installation, and one
  // that stood before keeps its time. Returns those that are news.
  std::vector<mp2::Rejection> installed(const mp2::Update* update,
                                        const std::vector<mp2::Rejection>& rejected,
                                        int64_t now_ms);
  // Nobody can say what the user plane does now. Rejections stand: a user plane that comes back
  // with the same set has not changed its mind, and does not repeat what it could not read.
  void forget_steering();

 private:
  using Statuses = std::unordered_map<std::string, mp2::RuleStatus>;

  Statuses& of(RuleKind kind) { return statuses_[static_cast<size_t>(kind)]; }
  void forget(const mp2::Update* update);

  mutable std::mutex mutex_;
  Link link_;
  std::array<Statuses, 3> statuses_;  // by kind
  std::atomic<uint64_t> dns_revision_{0};
};

}  // namespace sluice::mep
