// A user plane for tests: speaks Mp2 on a real socket, installs everything but rules called "bad".
#pragma once

#include <map>
#include <memory>
#include <string>

#include "mp2/server.h"

namespace sluice::mep {

class FakeUpf final : private mp2::Mp2Handler {
 public:
  // Starts at once, with nothing installed.
  FakeUpf(EventLoop& loop, std::string path, std::string instance_id = "upf-1")
      : loop_(loop), path_(std::move(path)), instance_id_(std::move(instance_id)) {
    start();
  }

  // The process dies; `keeps_rules` tells whether the next start still has them installed.
  void stop(bool keeps_rules = false) {
    server_.reset();
    if (keeps_rules) return;
    installed_ = {};
    rules.clear();
    dns.clear();
    guarantees.clear();
  }
  void start() {
    auto server = mp2::Mp2Server::listen(loop_, {path_, std::nullopt, mp2::kDefaultMaxLine}, *this);
    if (!server) throw std::runtime_error(server.error().to_string());
    server_ = std::move(*server);
  }
  // As a data plane does every second.
  void publish(const mp2::Status& status) { server_->publish_status(status); }
  uint64_t generation() const { return installed_.generation; }

  std::map<std::string, mp2::RuleEntry> rules;
  std::map<std::string, mp2::DnsEntry> dns;
  std::map<std::string, mp2::GuaranteeEntry> guarantees;
  int replaces = 0;
  int updates = 0;
  mp2::Tags tags;                           // told last
  mp2::Features features;                   // announces no bounds unless set
  std::optional<mp2::Refused> refuse_next;  // consumed by the next message
  std::optional<uint64_t> confuse_next;     // the next reply is of this generation instead

 private:
  mp2::Hello hello() override { return {instance_id_, installed_, features}; }

  std::expected<mp2::Applied, mp2::Refused> apply(mp2::Replace m) override {
    ++replaces;
    if (refuse_next) return refused(m.version.generation);
    rules.clear();
    dns.clear();
    guarantees.clear();
    for (const auto& entry : m.guarantees) guarantees.insert_or_assign(entry.key, entry);
    return install(m.version, m.rules, m.dns);
  }
  std::expected<mp2::Applied, mp2::Refused> apply(mp2::Update m) override {
    ++updates;
    if (refuse_next) return refused(m.version.generation);
    for (const auto& key : m.remove_rules) rules.erase(key);
    for (const auto& key : m.remove_dns) dns.erase(key);
    for (const auto& key : m.remove_guarantees) guarantees.erase(key);
    for (const auto& entry : m.upsert_guarantees) guarantees.insert_or_assign(entry.key, entry);
    return install(m.version, m.upsert_rules, m.upsert_dns);
  }

  void apply(mp2::Tags m) override { tags = std::move(m); }

  std::unexpected<mp2::Refused> refused(uint64_t generation) {
    auto out = *refuse_next;
    refuse_next.reset();
    out.generation = confuse_next.value_or(generation);
    confuse_next.reset();
    return std::unexpected(out);
  }
  mp2::Applied install(const mp2::SetVersion& version, const std::vector<mp2::RuleEntry>& new_rules,
                       const std::vector<mp2::DnsEntry>& new_dns) {
    mp2::Applied out{confuse_next.value_or(version.generation), {}};
    confuse_next.reset();
    for (const auto& entry : new_rules) {
      if (entry.key.ends_with("/bad")) {
        out.rejected.push_back({mp2::RuleKind::kTraffic, entry.key, "cannot"});
      } else {
        rules.insert_or_assign(entry.key, entry);
      }
    }
    for (const auto& entry : new_dns) dns.insert_or_assign(entry.key, entry);
    installed_ = version;
    return out;
  }

  EventLoop& loop_;
  std::string path_;
  std::string instance_id_;
  mp2::SetVersion installed_;
  std::unique_ptr<mp2::Mp2Server> server_;
};

}  // namespace sluice::mep
