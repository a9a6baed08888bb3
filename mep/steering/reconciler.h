// Keeps the user plane at the desired rule set, whoever of the two restarts.
//
// At most one message is under way. While it is, changes pile up in the store, and the reply starts
// the next difference:
//
//              hello, same version          change in the store
//   AWAY ----------------------------> IN STEP -----------------> UPDATING --+
//    |  ^ disconnect (from anywhere)    ^  ^  applied               | refused |
//    |  |                               |  +------------------------+ RESYNC  |
//    |  hello, other version            | applied                             v
//    +---------------------------> REPLACING <-------------------------- (send all)
//                                      | refused INVALID, LIMIT (either message): the same again
//                                      v later, or what is due when the store changes
//                                   REFUSED
//
// A refused update leaves what was installed as the base of the next one, so that a change that
// takes the offending rules back passes. A reply that fits nothing under way, and one that does not
// come, end the connection: the next hello says where the user plane is.
#pragma once

#include <chrono>
#include <optional>
#include <variant>

#include "bandwidth/grants.h"
#include "base/clock.h"
#include "base/event_loop.h"
#include "mep/steering/desired_set.h"
#include "mep/steering/rule_reports.h"
#include "mep/steering/tag_directory.h"
#include "mep/store/store.h"
#include "mp2/client.h"

namespace sluice::mep {

struct ReconcilerConfig {
  mp2::Mp2ClientConfig mp2;
  uint32_t default_ttl_s = 60;                   // of DNS answers whose rule names none
  std::chrono::milliseconds first_retry{1'000};  // after a refusal, doubled up to
  std::chrono::milliseconds longest_retry{30'000};
  std::chrono::milliseconds reply_timeout{30'000};  // then the connection is given up
};

class Reconciler final : private mp2::Mp2ClientHandler {
 public:
  // Runs on the loop's thread, where it must be made and destroyed. All must outlive it. Without
  // `tags` the user plane keeps rules about tags suspended, without `grants` it guarantees nothing.
  Reconciler(EventLoop& loop, const Store& store, const Clock& clock, RuleReports& reports,
             ReconcilerConfig config, const bandwidth::Grants* grants = nullptr,
             const TagDirectory* tags = nullptr);
  ~Reconciler() override;

  // The store has changed: brings the user plane up to date. On the loop's thread.
  void sync();

  // The directory has changed: tells the user plane. On the loop's thread.
  void tell_tags();

 private:
  void on_hello(const mp2::Hello& hello) override;
  Result<void> on_applied(const mp2::Applied& applied) override;
  Result<void> on_refused(const mp2::Refused& refused) override;
  void on_status(const mp2::Status& status) override;
  void on_disconnect() override;

  // What is under way, until the user plane replies.
  struct Pending {
    State target;
    std::optional<mp2::Update> update;  // none: the whole set
  };

  void send_all();
  void send_difference(State target);
  // Sends and waits for the reply; when that is impossible, tells why and tries again later.
  void dispatch(const mp2::Message& message, Pending pending);
  void give_up_for_now(std::string reason);
  void retry_later();
  Pending take_pending();  // the reply to it has come
  DesiredOptions desired() const { return {config_.default_ttl_s, grants_}; }
  int64_t now_ms() const;

  EventLoop& loop_;
  const Store& store_;
  const Clock& clock_;
  RuleReports& reports_;
  ReconcilerConfig config_;
  const bandwidth::Grants* grants_;
  const TagDirectory* tags_;
  std::optional<State> installed_;  // what the UPF has; none: unknown, or something else
  std::optional<Pending> pending_;
  TimerId retry_{};
  TimerId reply_timeout_{};
  std::chrono::milliseconds retry_delay_;
  mp2::Mp2Client client_;  // last: it may call back from now on
};

}  // namespace sluice::mep
