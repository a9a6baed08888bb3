// A user plane in memory, for tests: keeps what was installed and fails on demand.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "upf-dataplane/session/session_installer.h"

namespace sluice::upf::pfcp {

class FakeInstaller : public SessionInstaller {
 public:
  Result<Seid> allocate_seid() override { return Seid(++last_seid_); }
  Result<Teid> allocate_teid() override {
    if (teids_.size() >= max_teids) return fail(ErrorCode::kResourceExhausted, "no TEID is free");
    const Teid teid(++last_teid_);
    teids_.insert(teid);
    return teid;
  }
  unsigned load() const override { return load_percent; }
  void release_teid(Teid teid) override { teids_.erase(teid); }
  using SessionInstaller::install;
  Result<void> install(const SessionSpec& spec, Buffered buffered) override {
    if (fail_next) return std::unexpected(*std::exchange(fail_next, std::nullopt));
    for (const auto& [seid, other] : sessions_) {
      if (seid != spec.seid && share_ue_address(spec, other)) {
        return std::unexpected(Error{ErrorCode::kConflict, "taken", "UE IP Address"});
      }
    }
    if (buffered == Buffered::kDrop) drop_buffered(spec.seid);
    sessions_[spec.seid] = spec;
    ++installs_;
    return {};
  }
  UsageCount usage(Seid seid, UrrId urr) override { return counts[{seid, urr}]; }
  void set_usage_limits(Seid seid, UrrId urr, const UsageLimits& to) override {
    limits[{seid, urr}] = to;
  }
  std::optional<PacketRateLeft> packets_left(Seid seid, QerId qer) override {
    const auto found = left.find({seid, qer});
    return found == left.end() ? std::nullopt : std::optional(found->second);
  }
  void drop_buffered(Seid seid) override { dropped.push_back(seid); }
  void send_end_marker(const Far& last) override { end_markers.push_back(*last.outer_header); }
  SessionUsage remove(Seid seid) override {
    sessions_.erase(seid);
    return {};
  }

  std::map<std::pair<Seid, UrrId>, UsageCount> counts;
  std::map<std::pair<Seid, UrrId>, UsageLimits> limits;
  std::map<std::pair<Seid, QerId>, PacketRateLeft> left;
  std::vector<Seid> dropped;  // whose buffers were
  std::vector<OuterHeader> end_markers;
  size_t max_teids = 100;
  unsigned load_percent = 0;
  std::optional<Error> fail_next;

  const std::map<Seid, SessionSpec>& sessions() const { return sessions_; }
  const std::set<Teid>& teids() const { return teids_; }  // allocated and not released
  unsigned installs() const { return installs_; }

 private:
  static bool share_ue_address(const SessionSpec& a, const SessionSpec& b) {
    for (const auto& [id, of_a] : a.pdrs) {
      for (const auto& [other_id, of_b] : b.pdrs) {
        if (!of_a.ue || !of_b.ue) continue;
        if (of_a.ue->v4 && of_a.ue->v4 == of_b.ue->v4) return true;
        if (of_a.ue->v6 && of_b.ue->v6 && of_a.ue->v6->address() == of_b.ue->v6->address()) {
          return true;
        }
      }
    }
    return false;
  }

  uint64_t last_seid_ = 0x1000;
  uint32_t last_teid_ = 0x100;
  std::map<Seid, SessionSpec> sessions_;
  std::set<Teid> teids_;
  unsigned installs_ = 0;
};

}  // namespace sluice::upf::pfcp
