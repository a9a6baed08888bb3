// The usage records of a running UPF.
#include <set>

#include "upf-dataplane/control/upf.h"

namespace sluice::upf {

namespace {

// Who is learned has no SEID; the serial number tells users with the same address apart.
UsageRecords::User learned_user(const IpAddress& ue, uint32_t serial) {
  const bool is_v4 = ue.is_v4();
  return {.seid = Seid(serial), .addresses = {ue.to_string() + (is_v4 ? "" : "/64")}};
}

}  // namespace

Result<void> Upf::open_usage_records() {
  if (config_.usage_log.path.empty()) return {};
  auto log = UsageLog::open(config_.usage_log);
  if (!log) return std::unexpected(log.error());
  usage_log_ = std::move(*log);
  std::vector<UsageRecorder*> recorders;
  for (uint32_t i = 0; i < config_.workers + 1; ++i) {
    recorders_.push_back(std::make_unique<UsageRecorder>(config_.usage_pairs));
    recorders.push_back(recorders_.back().get());
  }
  pipeline_->record_usage(recorders_.back().get());
  usage_ = std::make_unique<UsageRecords>(
      steering_->hello().instance_id, std::move(recorders),
      [this](uint32_t slot, uint32_t serial) { return usage_user(slot, serial); }, clock_);
  steering_->tell_of_counters(
      [this](uint32_t counter, const std::string& key) { usage_->rule_counts(counter, key); });
  sessions_->tell_of_ends(
      [this](Seid seid, uint32_t serial) { usage_->session_ends(serial, usage_user(seid)); });
  if (!learner_) return {};
  learner_->tell_of_ends([this](const IpAddress& ue, uint32_t serial) {
    usage_->session_ends(serial, learned_user(ue, serial));
  });
  return {};
}

UsageRecords::User Upf::usage_user(uint32_t slot, uint32_t serial) const {
  if (learner_) {
    const auto ue = learner_->holder(slot, serial);
    return ue ? learned_user(*ue, serial) : UsageRecords::User();
  }
  const auto seid = sessions_->holder(slot, serial);
  return seid ? usage_user(*seid) : UsageRecords::User();
}

UsageRecords::User Upf::usage_user(Seid seid) const {
  UsageRecords::User user{.seid = seid, .addresses = {}};
  const SessionSpec* spec = n4_ ? n4_->n4().spec(seid) : nullptr;
  if (spec == nullptr) return user;
  std::set<std::string> addresses;  // PDRs name the same ones
  for (const auto& [id, pdr] : spec->pdrs) {
    if (pdr.ue && pdr.ue->v4) addresses.insert(pdr.ue->v4->to_string());
    if (pdr.ue && pdr.ue->v6) addresses.insert(pdr.ue->v6->to_string());
  }
  user.addresses.assign(addresses.begin(), addresses.end());
  return user;
}

void Upf::write_usage() {
  recorders_.back()->begin_round();
  std::string records = usage_->turn();
  if (!records.empty()) usage_log_->append(std::move(records));
}

// The workers have stopped: what they counted last is taken in their place.
void Upf::finish_usage() {
  if (!usage_) return;
  for (int turn = 0; turn < 2; ++turn) {
    for (const auto& recorder : recorders_) recorder->begin_round();
    write_usage();
  }
  sessions_->tell_of_ends({});
  if (learner_) learner_->tell_of_ends({});
  steering_->tell_of_counters({});
}

}  // namespace sluice::upf
