// A user plane in memory, for tests: keeps what was installed and fails on demand.
#pragma once

#include <map>
#include <optional>
#include <set>

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
  void release_teid(Teid teid) override { teids_.erase(teid); }
  Result<void> install(const SessionSpec& spec) override {
    if (fail_next) return std::unexpected(*std::exchange(fail_next, std::nullopt));
    sessions_[spec.seid] = spec;
    ++installs_;
    return {};
  }
  SessionUsage remove(Seid seid) override {
    sessions_.erase(seid);
    return {};
  }

  size_t max_teids = 100;
  std::optional<Error> fail_next;

  const std::map<Seid, SessionSpec>& sessions() const { return sessions_; }
  const std::set<Teid>& teids() const { return teids_; }  // allocated and not released
  unsigned installs() const { return installs_; }

 private:
  uint64_t last_seid_ = 0x1000;
  uint32_t last_teid_ = 0x100;
  std::map<Seid, SessionSpec> sessions_;
  std::set<Teid> teids_;
  unsigned installs_ = 0;
};

}  // namespace sluice::upf::pfcp
