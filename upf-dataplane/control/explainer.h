// What happens to a packet, and why: asks the pipeline itself, on behalf of an operator.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "upf-dataplane/control/ctl_question.h"
#include "upf-dataplane/control/session_manager.h"
#include "upf-dataplane/control/steering_manager.h"
#include "upf-dataplane/worker/pipeline.h"

namespace sluice::upf {

// Control thread only.
class Explainer {
 public:
  using FindSpec = std::function<const SessionSpec*(Seid)>;

  // `counter_slots` and `session_slots` are the sizes of the workers' counters. `spec` gives what
  // the SMF asked for. All must outlive this.
  Explainer(const SharedState& shared, const SessionManager& sessions,
            const SteeringManager& steering, FindSpec spec, std::function<uint64_t()> ticks,
            size_t session_slots, size_t rule_slots);

  // {"packet", "session", "pdr", "far", "rule", "verdict", …, "text": [lines for people]}. Nothing
  // is used up or counted. kNotFound when the UE has no session.
  Result<nlohmann::json> explain(const PacketQuestion& question) const;
  // The same for a whole frame that comes by a port.
  nlohmann::json explain(PortIndex port, const std::vector<uint8_t>& frame) const;

 private:
  Result<std::vector<uint8_t>> make_frame(const PacketQuestion& question, PortIndex port,
                                          const Session& session) const;
  nlohmann::json session_json(const Session& session) const;

  const SharedState& shared_;
  const SessionManager& sessions_;
  const SteeringManager& steering_;
  FindSpec spec_;
  std::function<uint64_t()> ticks_;
  size_t session_slots_;
  size_t rule_slots_;
};

}  // namespace sluice::upf
