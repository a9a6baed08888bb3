// The simulated radio access network and session control of a lab: gNB, UEs and SMF, as configured
// and as asked for over the control socket.
#pragma once

#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>

#include "base/error.h"
#include "base/event_loop.h"
#include "lab/control_socket.h"
#include "lab/gnb.h"
#include "lab/ran_config.h"
#include "lab/smf.h"

namespace sluice::lab {

// Belongs to its loop's thread; the loop must outlive it.
class Ran {
 public:
  static Result<std::unique_ptr<Ran>> start(EventLoop& loop, const RanConfig& config);

  // Creates the UE's device and wants a session for it; the namespace must exist.
  Result<void> add_ue(UeNumber ue);
  Result<void> remove_ue(UeNumber ue);
  void shut_down(std::function<void()> done) { smf_->shut_down(std::move(done)); }

  // Answers a request of the control socket: {"command": C} with
  //   status              association, sessions, what the gNB counted
  //   ues                 every UE: names, addresses, session state, counters
  //   ue, "number": N     one of them
  //   add-ue, "number": N
  //   remove-ue, "number": N
  Result<nlohmann::json> handle(const nlohmann::json& request);

 private:
  Ran(EventLoop& loop, const RanConfig& config) : config_(config), gnb_(loop) {}
  nlohmann::json status() const;
  nlohmann::json describe(UeNumber ue) const;

  RanConfig config_;
  Gnb gnb_;
  std::unique_ptr<Smf> smf_;
  std::unique_ptr<ControlServer> control_;
  std::set<UeNumber> ues_;
};

}  // namespace sluice::lab
