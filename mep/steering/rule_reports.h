// What the user plane last said about the rules it was given; written by the reconciler, read by
// everyone.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

#include "mp2/messages.h"

namespace sluice::mep {

enum class RuleKind : uint8_t { kTraffic, kDns };

class RuleReports {
 public:
  struct Link {
    bool connected = false;
    std::string instance_id{};  // of the UPF last heard of; empty: none yet
    uint64_t installed_generation = 0;
    std::string refusal{};  // why the UPF refused the newest set; empty: it did not
    int64_t since_ms = 0;   // when `connected` became what it is, Unix time
  };

  // All members: from any thread.
  Link link() const;
  // Nothing when the UPF has not told yet.
  std::optional<mp2::RuleStatus> status(RuleKind kind, const std::string& key) const;

  void set_link(Link link);
  void merge(const mp2::Status& status);
  // The rules of these keys were installed anew or removed: what was said of them is void.
  void forget(const mp2::Update& update);
  void forget_all();
  // As the reply to an installation; they stand until forgotten.
  void reject(const std::vector<mp2::Rejection>& rejections, int64_t now_ms);

 private:
  using Statuses = std::unordered_map<std::string, mp2::RuleStatus>;

  mutable std::mutex mutex_;
  Link link_;
  Statuses traffic_;
  Statuses dns_;
};

}  // namespace sluice::mep
