// Decides which notification is sent when: in order for each subscriber, again after a failure,
// and so that subscribers who are slow or dead take nothing from the others.
#pragma once

#include <deque>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "notify/backoff.h"
#include "notify/event.h"
#include "notify/sender.h"
#include "notify/statistics.h"
#include "notify/subscription.h"

namespace sluice::notify {

struct CourierOptions {
  // A transfer begins in one of the `prompt` places and leaves it when it takes longer than
  // `patience`; it goes on in one of the `slow` places, where subscribers that failed or were slow
  // last time begin. When those are all taken, the transfer that is in one longest is broken off.
  size_t prompt_places = 64;
  size_t slow_places = 960;
  std::chrono::milliseconds patience{50};
  BackoffRules backoff;
  std::chrono::seconds keep{3600};  // a notification that failed and is older than this is given up
  size_t queue = 500;               // notifications of one subscription; beyond, the oldest goes
  size_t queue_bytes = 1 << 20;     // of their text likewise, but the newest stays
  // Of the text that waits for all subscriptions of one owner: beyond, the oldest of the fullest
  // queue goes, but the newest of each stays.
  size_t owner_queue_bytes = 16 << 20;
  unsigned test_attempts = 3;  // of a test notification before WebSocket takes over
};

// An event on its way. `settled[i]`: nothing is left to do for `event.to[i]`.
struct EventInTransit {
  std::string key;  // in the store
  Event event;
  std::vector<bool> settled;
  size_t left = 0;  // how many are not settled
};
using EventRef = std::shared_ptr<EventInTransit>;

// What the courier finds out and others carry out. Called within its own functions.
struct CourierHooks {
  std::function<void(const EventRef&)> settled;        // for one more subscriber
  std::function<void(const Subscription&)> gone;       // 410: the subscription can be removed
  std::function<void(const Subscription&)> fall_back;  // to WebSocket, put() follows
  std::function<void()> reported;                      // by a sender: turn() is due
};

// Belongs to one thread, like its senders.
class Courier {
 public:
  Courier(const CourierOptions& options, const Clock& clock, Sender& http, Sender& websocket,
          Statistics& statistics, CourierHooks hooks);
  ~Courier();  // what is on its way is broken off

  // A new subscription, or another version of a known one. When its address changed, the
  // notification on its way is sent there anew.
  void put(std::shared_ptr<const Subscription> subscription);
  // Whatever was queued for it is settled.
  void remove(const std::string& subscription_id);
  // Queues the event for every one in `to` that is not settled; unknown ones are settled at once.
  void add(const EventRef& event);
  // The client of a WebSocket subscription is connected (again).
  void present(const std::string& subscription_id);

  // Gives up what is older than options.keep and not on its way, of those who are away or wait.
  void give_up_old();

  // Sends what can be sent. To be called after any of the above, after CourierHooks::reported, and
  // at wake_at().
  void turn();
  // Nothing: only something new is a reason to turn.
  std::optional<std::chrono::steady_clock::time_point> wake_at() const;

  size_t in_flight() const { return prompt_.size() + slow_.size(); }

 private:
  using Time = std::chrono::steady_clock::time_point;
  struct Item {
    EventRef event;
    size_t index;
  };
  struct Subscriber;
  struct Flight {
    Subscriber* subscriber;
    uint64_t transfer;
    Time since;
  };
  using Flights = std::list<Flight>;
  enum class Phase : uint8_t { kIdle, kReady, kInFlight, kOnWebSocket, kWaiting, kAway };

  // Whose subscriptions they are.
  struct Owner {
    size_t queue_bytes = 0;
    std::set<Subscriber*> subscribers;
  };

  struct Subscriber {
    Owner* owner = nullptr;
    std::shared_ptr<const Subscription> record;
    std::deque<Item> queue;
    size_t queue_bytes = 0;  // of the text in it
    Phase phase = Phase::kIdle;
    unsigned failures = 0;  // in a row
    bool suspect = false;   // begins in a slow place
    Flights::iterator flight{};
    Flights* flights = nullptr;  // the list that `flight` is in
    uint64_t websocket_transfer = 0;
    std::multimap<Time, Subscriber*>::iterator waiting{};
    std::list<Subscriber*>::iterator ready{};
    std::list<Subscriber*>* ready_list = nullptr;
  };

  void make_ready(Subscriber& s);
  void wait(Subscriber& s, std::chrono::milliseconds delay);
  void leave_phase(Subscriber& s);  // to idle; breaks off what is in flight
  void start(Subscriber& s, Flights& places);
  void start_websocket(Subscriber& s);
  void finished(const std::string& id, const Report& report);
  void failed(Subscriber& s, const Report& report);
  void settle_front(Subscriber& s);
  void settle(const Item& item);
  Item take_out(Subscriber& s, size_t position);
  // Where the oldest is that may be dropped; nothing: the queue is as short as it may be.
  static std::optional<size_t> droppable(const Subscriber& s);
  void drop(Subscriber& s, size_t position);
  void drop_overflow(Subscriber& s);
  void leave_owner(Subscriber& s);
  void give_up_old(Subscriber& s);
  void wake_due(Time now);
  void retire_slow(Time now);
  void dispatch();

  const CourierOptions options_;
  const Clock& clock_;
  Sender& http_;
  Sender& websocket_;
  Statistics& statistics_;
  CourierHooks hooks_;
  std::mt19937_64 random_{std::random_device{}()};
  std::unordered_map<std::string, Subscriber> subscribers_;
  std::unordered_map<std::string, Owner> owners_;  // of subscribers_
  std::list<Subscriber*> ready_, ready_suspects_;
  std::multimap<Time, Subscriber*> waiting_;
  Flights prompt_, slow_;  // the longest in its place first
};

}  // namespace sluice::notify
