// Time of day for apps (MEC 011 §5.2.10): the platform's clock, whether it is locked to UTC, and
// the servers that apps may set their own clocks by.
#pragma once

#include <chrono>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/http/router.h"
#include "base/net/ip_address.h"

namespace sluice::mep {

// MEC 011 §7.1.2.4: an NTP server that apps can reach.
struct NtpServer {
  enum class Authentication : uint8_t { kNone, kSymmetricKey, kAutoKey };
  std::string address;         // an IP address or a name
  uint8_t min_poll_log2 = 6;   // 3..17, seconds as a power of two
  uint8_t max_poll_log2 = 10;  // 3..17, not below min_poll_log2
  uint32_t local_priority = 0;
  Authentication authentication = Authentication::kNone;
  uint32_t key_number = 0;  // of kSymmetricKey and kAutoKey
};

struct PtpMaster {
  IpAddress address;
  uint32_t local_priority = 0;
  uint32_t delay_req_max_rate = 1;  // Delay_Req messages a second, at most
};

struct TimingOptions {
  std::vector<NtpServer> ntp_servers;
  std::vector<PtpMaster> ptp_masters;
  // A clock whose error may be larger is not called traceable, whatever disciplines it.
  std::chrono::microseconds max_error{1'000'000};
};

// What the kernel knows of the clock it keeps.
struct ClockDiscipline {
  bool synchronised = false;  // a time daemon steers it and has not lost its source
  std::chrono::microseconds max_error{0};
};

class ClockDisciplineSource {
 public:
  virtual ~ClockDisciplineSource() = default;
  virtual ClockDiscipline read() const = 0;  // by several threads at a time
};

// ntp_adjtime(3): what chrony, ntpd, systemd-timesyncd and ptp4l's phc2sys tell the kernel.
class KernelClockDiscipline final : public ClockDisciplineSource {
 public:
  ClockDiscipline read() const override;
};

// Locked to UTC: disciplined, and within the error that the operator calls good.
bool is_traceable(const ClockDiscipline& clock, const TimingOptions& options);

// TimingCaps and CurrentTime of api-specs/mec_app_support.yaml.
nlohmann::json timing_caps_json(const TimingOptions& options,
                                std::chrono::system_clock::time_point now);
nlohmann::json current_time_json(std::chrono::system_clock::time_point now, bool traceable);

struct TimingContext {
  TimingOptions options;
  const Clock& clock;
  const ClockDisciplineSource& discipline;
};

// getTimingCaps and getCurrentTime. `context` must outlive them.
http::Handlers timing_handlers(const TimingContext& context);

}  // namespace sluice::mep
