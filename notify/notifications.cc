#include "notify/notifications.h"

#include <csignal>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <thread>
#include <unordered_map>

#include "base/event_loop.h"
#include "base/log.h"
#include "notify/expiry.h"
#include "notify/ledger.h"
#include "notify/loop_gate.h"

namespace sluice::notify {
namespace {

constexpr std::chrono::milliseconds kExpiryPeriod{250};
constexpr std::chrono::seconds kSweepPeriod{30};

// For a program without a WebSocket server; no subscription comes to need it, unless the server
// was there when the subscription was made.
class NoWebSocket final : public Sender {
 public:
  explicit NoWebSocket(EventLoop& loop) : loop_(loop) {}
  uint64_t send(const std::string&, std::string, const std::string&, Done done) override {
    const auto transfer = ++last_;
    pending_.emplace(transfer, std::move(done));
    loop_.post([this, transfer] {
      const auto found = pending_.extract(transfer);
      if (found) found.mapped()({Outcome::kAway, "there is no WebSocket server", {}});
    });
    return transfer;
  }
  void cancel(uint64_t transfer) override { pending_.erase(transfer); }

 private:
  EventLoop& loop_;
  uint64_t last_ = 0;
  std::unordered_map<uint64_t, Done> pending_;
};

}  // namespace

// Everything that happens on the delivery thread.
class Notifications::Delivery {
 public:
  Delivery(Notifications& owner, store::Store& store, const Clock& clock)
      : options_(owner.options_),
        outbox_(owner.outbox_),
        records_(owner.outbox_.records()),
        store_(store),
        clock_(clock),
        statistics_(owner.statistics_),
        http_(loop_, owner.policy_, owner.options_.http),
        no_websocket_(loop_),
        ledger_(loop_, gate_, store, records_) {}
  Delivery(const Delivery&) = delete;
  Delivery& operator=(const Delivery&) = delete;
  ~Delivery() {
    gate_->close();
    loop_.stop();
    if (thread_.joinable()) thread_.join();
  }

  Result<void> start() {
    if (options_.websocket) {
      auto server = WebSocketServer::start(loop_, *options_.websocket, [this](const auto& token) {
        const auto found = tokens_.find(token);
        if (found != tokens_.end()) courier_->present(found->second);
        pump_soon();
      });
      if (!server) return std::unexpected(server.error());
      websocket_ = std::move(*server);
    }
    Sender& websocket = websocket_ ? static_cast<Sender&>(*websocket_) : no_websocket_;
    courier_.emplace(
        options_.courier, clock_, http_, websocket, statistics_,
        CourierHooks{[this](const EventRef& event) { ledger_.note(event); },
                     [this](const Subscription& s) { end_subscription(s); },
                     [this](const Subscription& s) { fall_back(s); }, [this] { pump_soon(); }});
    store_.add_listener(
        [this, gate = gate_](const store::Snapshot& before, const store::Snapshot& after) {
          gate->while_open([&](EventLoop& loop) {
            admit_clients(before, after);
            loop.post([this, before, after] { changed(before, after); });
          });
        });
    load(store_.snapshot());
    loop_.every(kExpiryPeriod, [this] { run_expiry(); });
    loop_.every(kSweepPeriod, [this] {
      courier_->give_up_old();
      pump();
    });
    thread_ = std::thread([this] {
      // OpenSSL writes to connections that receivers have closed: no SIGPIPE may come of it.
      sigset_t all;
      sigfillset(&all);
      pthread_sigmask(SIG_BLOCK, &all, nullptr);
      loop_.run();
    });
    return {};
  }

  size_t websocket_connections() const { return websocket_ ? websocket_->connections() : 0; }
  uint16_t websocket_port() const { return websocket_ ? websocket_->port() : uint16_t{0}; }

 private:
  void load(const store::Snapshot& state) {
    loaded_ = state.revision();
    for (const auto& [key, stored] : state.of(records_.subscriptions)) put(key, stored.value);
    for (const auto& [key, stored] : state.of(records_.events)) {
      const auto* waiting = state.find(records_.waiting, key);
      add(key, stored.value, waiting == nullptr ? nullptr : &waiting->value);
    }
    pump_soon();
  }

  // On the store's thread: a client may connect as soon as the reply to its subscription is out,
  // which is when the store's listeners have returned.
  void admit_clients(const store::Snapshot& before, const store::Snapshot& after) {
    if (!websocket_) return;
    for_each_difference(before, after, records_.subscriptions,
                        [this](const std::string&, const auto*, const auto* is) {
                          if (is != nullptr && is->value.over_websocket()) {
                            websocket_->admit(is->value.websocket_token);
                          }
                        });
  }

  void changed(const store::Snapshot& before, const store::Snapshot& after) {
    if (after.revision() <= loaded_) return;
    for_each_difference(before, after, records_.subscriptions,
                        [this](const std::string& key, const auto* was, const auto* is) {
                          if (is == nullptr) {
                            remove(key, was->value);
                          } else {
                            if (was != nullptr) forget_token(was->value, is->value);
                            put(key, is->value);
                          }
                        });
    for_each_difference(before, after, records_.events,
                        [this](const std::string& key, const auto* was, const auto* is) {
                          if (was == nullptr && is != nullptr && is->revision > loaded_) {
                            add(key, is->value, nullptr);
                          }
                        });
    pump();
  }

  void put(const std::string& key, const Subscription& subscription) {
    if (subscription.over_websocket() && websocket_) {
      tokens_[subscription.websocket_token] = subscription.id;
      websocket_->admit(subscription.websocket_token);
    }
    courier_->put(std::make_shared<const Subscription>(subscription));
    schedule_expiry(key, next_expiry_step(subscription, options_.expiry_notice));
  }

  void remove(const std::string& key, const Subscription& subscription) {
    forget_token(subscription, {});
    courier_->remove(subscription.id);
    schedule_expiry(key, std::nullopt);
  }

  void forget_token(const Subscription& was, const Subscription& is) {
    if (!was.over_websocket() || was.websocket_token == is.websocket_token) return;
    tokens_.erase(was.websocket_token);
    if (websocket_) websocket_->forbid(was.websocket_token);
  }

  // `waiting`: the subscribers who do not have it yet; null: nobody has.
  void add(const std::string& key, const Event& event, const std::vector<std::string>* waiting) {
    const auto transit = std::make_shared<EventInTransit>();
    transit->key = key;
    transit->event = event;
    if (waiting != nullptr) transit->event.to = *waiting;
    transit->left = transit->event.to.size();
    transit->settled.resize(transit->left);
    courier_->add(transit);
  }

  void schedule_expiry(const std::string& key, std::optional<WallTime> due) {
    if (const auto found = expiry_.find(key); found != expiry_.end()) {
      expiry_due_.erase({found->second, key});
      expiry_.erase(found);
    }
    if (!due) return;
    expiry_.emplace(key, *due);
    expiry_due_.emplace(*due, key);
  }

  void run_expiry() {
    const auto now = clock_.wall();
    std::vector<std::string> due;
    for (const auto& [at, key] : expiry_due_) {
      if (at > now) break;
      due.push_back(key);
    }
    if (due.empty()) return;
    store_.submit(
        [&](store::Transaction& change) -> Result<void> {
          for (const auto& key : due) expire(change, outbox_, key, now, options_.expiry_notice);
          return {};
        },
        [](Result<void> done) {
          if (!done) spdlog::error("expiry failed reason=\"{}\"", done.error().to_string());
        });
  }

  // Changes a subscription if it still is what the courier saw.
  template <typename Change>
  void change_subscription(const Subscription& seen, const char* what, Change edit) {
    const auto key = subscription_key(seen.api, seen.owner, seen.id);
    spdlog::info("{} subscription={} owner={} callback={}", what, seen.id, seen.owner,
                 seen.callback);
    store_.submit(
        [&](store::Transaction& change) -> Result<void> {
          const auto* stored = change.view().find(records_.subscriptions, key);
          if (stored != nullptr && stored->value.version == seen.version) {
            edit(change, key, stored->value);
          }
          return {};
        },
        [](Result<void> done) {
          if (!done) spdlog::error("subscription kept reason=\"{}\"", done.error().to_string());
        });
  }

  void end_subscription(const Subscription& seen) {
    change_subscription(seen, "receiver is gone, subscription removed",
                        [this](store::Transaction& change, const std::string& key,
                               const Subscription&) { change.erase(records_.subscriptions, key); });
  }

  void fall_back(const Subscription& seen) {
    change_subscription(
        seen, "test notification failed, WebSocket takes over",
        [this](store::Transaction& change, const std::string& key, Subscription changed) {
          changed.callback.clear();
          changed.websocket_fallback = false;
          if (changed.websocket_token.empty()) changed.websocket_token = new_websocket_token();
          changed.version = change.revision();
          change.put(records_.subscriptions, key, std::move(changed));
        });
  }

  void pump_soon() {
    if (std::exchange(pumping_, true)) return;
    loop_.post([this] {
      pumping_ = false;
      pump();
    });
  }

  void pump() {
    courier_->turn();
    loop_.cancel(wake_);
    if (const auto at = courier_->wake_at()) {
      const auto delay = std::max(*at - clock_.now(), std::chrono::steady_clock::duration{});
      wake_ = loop_.after(delay, [this] { pump(); });
    }
  }

  const NotificationOptions& options_;
  const Outbox& outbox_;
  const Records records_;
  store::Store& store_;
  const Clock& clock_;
  Statistics& statistics_;
  EventLoop loop_;
  const std::shared_ptr<LoopGate> gate_ = std::make_shared<LoopGate>(loop_);
  HttpSender http_;
  NoWebSocket no_websocket_;
  Ledger ledger_;
  std::unique_ptr<WebSocketServer> websocket_;
  std::optional<Courier> courier_;
  std::unordered_map<std::string, std::string> tokens_;  // of WebSockets, to subscription ids
  std::unordered_map<std::string, WallTime> expiry_;     // by key: the next step
  std::set<std::pair<WallTime, std::string>> expiry_due_;
  uint64_t loaded_ = 0;
  bool pumping_ = false;
  TimerId wake_;
  std::thread thread_;
};

Notifications::Notifications(const Records& records, NotificationOptions options)
    : options_(std::move(options)), outbox_(records), policy_(options_.callbacks) {}

Notifications::~Notifications() = default;
void Notifications::stop() { delivery_.reset(); }

Result<std::unique_ptr<Notifications>> Notifications::start(store::Store& store,
                                                            const Records& records,
                                                            const Clock& clock,
                                                            NotificationOptions options) {
  std::unique_ptr<Notifications> out(new Notifications(records, std::move(options)));
  out->delivery_ = std::make_unique<Delivery>(*out, store, clock);
  if (auto ok = out->delivery_->start(); !ok) return std::unexpected(ok.error());
  if (out->options_.websocket) {
    out->websocket_base_ =
        notify::websocket_base(*out->options_.websocket, out->delivery_->websocket_port());
  }
  return out;
}

size_t Notifications::websocket_connections() const {
  return delivery_ ? delivery_->websocket_connections() : 0;
}
uint16_t Notifications::websocket_port() const {
  return delivery_ ? delivery_->websocket_port() : uint16_t{0};
}

}  // namespace sluice::notify
