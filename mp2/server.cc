#include "mp2/server.h"

#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "mp2/unix_socket.h"

namespace sluice::mp2 {
namespace {

// Before apply(): an update must build on what is installed.
std::optional<Refused> check_base(const Update& update, const SetVersion& installed) {
  const SetVersion base{update.version.source, update.base_generation};
  if (base == installed) return std::nullopt;
  return Refused{update.version.generation, RefusalCode::kResync,
                 fmt::format("the update builds on generation {} of '{}', installed is {} of '{}'",
                             base.generation, base.source, installed.generation, installed.source)};
}

}  // namespace

Result<std::unique_ptr<Mp2Server>> Mp2Server::listen(EventLoop& loop, Mp2ServerConfig config,
                                                     Mp2Handler& handler) {
  auto listener = listen_unix(config.path, config.group);
  if (!listener) return std::unexpected(listener.error());
  return std::unique_ptr<Mp2Server>(
      new Mp2Server(loop, std::move(config), handler, std::move(*listener)));
}

Mp2Server::Mp2Server(EventLoop& loop, Mp2ServerConfig config, Mp2Handler& handler,
                     UniqueFd listener)
    : loop_(loop), config_(std::move(config)), handler_(handler), listener_(std::move(listener)) {
  loop_.watch(listener_.get(), EPOLLIN, [this](uint32_t) { accept_one(); });
}

Mp2Server::~Mp2Server() {
  loop_.unwatch(listener_.get());
  unlink(config_.path.c_str());
}

void Mp2Server::accept_one() {
  UniqueFd fd(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!fd) return;  // the peer has gone again
  spdlog::info("mp2 MEP connected replaces_older={}", connected());
  connection_ = std::make_unique<LineConnection>(
      loop_, std::move(fd), config_.max_line,
      LineConnection::Callbacks{
          .on_line =
              [this](std::string_view line) {
                on_line(line);
                return Result<void>{};
              },
          .on_close = [this](const std::string& reason) { on_close(reason); }});
  known_rules_.clear();
  known_dns_.clear();
  known_guarantees_.clear();
  known_generation_.reset();
  connection_->send(encode(handler_.hello()));
}

void Mp2Server::on_close(const std::string& reason) {
  spdlog::warn("mp2 MEP disconnected reason=\"{}\"; its rules stay in effect", reason);
  connection_.reset();
}

void Mp2Server::on_line(std::string_view line) {
  auto message = decode(line);
  if (!message) {
    spdlog::warn("mp2 message refused reason=\"{}\"", message.error().to_string());
    connection_->send(encode(Refused{0, RefusalCode::kInvalid, message.error().to_string()}));
    return;
  }
  if (auto* replace = std::get_if<Replace>(&*message)) {
    const auto generation = replace->version.generation;
    auto unreadable = std::move(replace->unreadable);
    replace->unreadable.clear();
    forget(*replace);
    reply(generation, std::move(unreadable), handler_.apply(std::move(*replace)));
  } else if (auto* update = std::get_if<Update>(&*message)) {
    const auto generation = update->version.generation;
    if (auto refused = check_base(*update, handler_.hello().installed)) {
      reply(generation, {}, std::unexpected(std::move(*refused)));
      return;
    }
    auto unreadable = std::move(update->unreadable);
    update->unreadable.clear();
    forget(*update);
    reply(generation, std::move(unreadable), handler_.apply(std::move(*update)));
  } else if (auto* tags = std::get_if<Tags>(&*message)) {
    handler_.apply(std::move(*tags));
  } else {
    connection_->send(
        encode(Refused{0, RefusalCode::kInvalid, "a UPF takes only replace, update and tags"}));
  }
}

void Mp2Server::forget(const Replace&) {
  known_rules_.clear();
  known_dns_.clear();
  known_guarantees_.clear();
}

void Mp2Server::forget(const Update& message) {
  for (const auto& entry : message.upsert_rules) known_rules_.erase(entry.key);
  for (const auto& key : message.remove_rules) known_rules_.erase(key);
  for (const auto& entry : message.upsert_dns) known_dns_.erase(entry.key);
  for (const auto& key : message.remove_dns) known_dns_.erase(key);
  for (const auto& entry : message.upsert_guarantees) known_guarantees_.erase(entry.key);
  for (const auto& key : message.remove_guarantees) known_guarantees_.erase(key);
}

void Mp2Server::reply(uint64_t generation, std::vector<Rejection> unreadable,
                      std::expected<Applied, Refused> outcome) {
  if (!outcome) {
    spdlog::warn("mp2 rule set refused generation={} code={} reason=\"{}\"", generation,
                 to_string(outcome.error().code), outcome.error().reason);
    connection_->send(encode(outcome.error()));
    return;
  }
  auto& rejected = outcome->rejected;
  rejected.insert(rejected.end(), std::make_move_iterator(unreadable.begin()),
                  std::make_move_iterator(unreadable.end()));
  spdlog::debug("mp2 rule set applied generation={} rejected={}", generation, rejected.size());
  connection_->send(encode(*outcome));
}

std::vector<RuleStatus> Mp2Server::changed(const std::vector<RuleStatus>& all, Known& known) {
  std::vector<RuleStatus> out;
  Known now;
  now.reserve(all.size());
  for (const auto& status : all) {
    const auto before = known.find(status.key);
    if (before == known.end() || before->second != status) out.push_back(status);
    now.emplace(status.key, status);
  }
  known = std::move(now);
  return out;
}

void Mp2Server::publish_status(const Status& all) {
  if (!connection_ || connection_->unsent() > 0) return;
  Status news{all.generation, changed(all.rules, known_rules_), changed(all.dns, known_dns_),
              changed(all.guarantees, known_guarantees_)};
  const bool nothing_new = news.rules.empty() && news.dns.empty() && news.guarantees.empty() &&
                           known_generation_ == all.generation;
  if (nothing_new) return;
  known_generation_ = all.generation;
  connection_->send(encode(news));
}

}  // namespace sluice::mp2
