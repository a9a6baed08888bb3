// The boundary between N4 and the user plane: PFCP sees only this, so that it is tested without a
// data path and the data path without PFCP.
#pragma once

#include <cstdint>

#include <chrono>
#include <optional>

#include "base/error.h"
#include "upf-dataplane/session/model.h"
#include "upf-dataplane/session/usage_meter.h"

namespace sluice::upf {

struct SessionUsage {
  uint64_t uplink_packets = 0;
  uint64_t uplink_bytes = 0;  // inner IP bytes
  uint64_t downlink_packets = 0;
  uint64_t downlink_bytes = 0;
};

// What was counted for a URR since it was created.
struct UsageCount {
  UsageTotals totals = {};
  uint64_t dropped_packets = 0;  // to the UE, since a URR asks for them
  uint64_t dropped_bytes = 0;
  std::optional<std::chrono::steady_clock::time_point> last_packet = {};
};

// What becomes of packets that a session has buffered.
enum class Buffered { kKeep, kDrop };

// Called from the control thread only.
class SessionInstaller {
 public:
  virtual ~SessionInstaller() = default;

  // A SEID that no session of this process has had, and a TEID that is free. kResourceExhausted
  // when the configured number of sessions or tunnels is reached.
  virtual Result<Seid> allocate_seid() = 0;
  virtual Result<Teid> allocate_teid() = 0;
  // How much of what the user plane can hold is in use, in percent.
  virtual unsigned load() const = 0;
  // Gives back a TEID from allocate_teid() that no installed session uses (any more).
  virtual void release_teid(Teid teid) = 0;

  // Installs a session, or replaces the one of the same SEID, all or nothing: after an error the
  // data path is as before. Every FAR and QER that a PDR names must be in the spec. kConflict when
  // a TEID or UE address belongs to another session; `Error::field` names what is wrong. With
  // `buffered` kDrop, what is buffered for the session is dropped before the change, if it is made.
  virtual Result<void> install(const SessionSpec& spec, Buffered buffered) = 0;
  Result<void> install(const SessionSpec& spec) { return install(spec, Buffered::kKeep); }

  // The counts of a URR of an installed session, and the limits they are compared with. Reading
  // them also lets workers call for attention again (see N4::usage_changed()).
  virtual UsageCount usage(Seid seid, UrrId urr) = 0;
  virtual void set_usage_limits(Seid seid, UrrId urr, const UsageLimits& limits) = 0;

  // What is left of a QER's packet rates; nullopt: it has none.
  virtual std::optional<PacketRateLeft> packets_left(Seid seid, QerId qer) = 0;

  // Drops what is buffered for a session.
  virtual void drop_buffered(Seid seid) = 0;
  // Tells the far end of a tunnel that `last` led to, of the session's, that no packet follows: a
  // GTP-U End Marker, sent when no worker uses that tunnel any more.
  virtual void send_end_marker(const Far& last) = 0;

  // Removes a session and returns what it used; unknown SEIDs are ignored.
  virtual SessionUsage remove(Seid seid) = 0;
};

}  // namespace sluice::upf
