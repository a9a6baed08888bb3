#include "mep/app-enablement/timing.h"

#include <sys/timex.h>

#include <nlohmann/json.hpp>

namespace sluice::mep {
namespace {

using nlohmann::json;
using WallTime = std::chrono::system_clock::time_point;

json time_json(WallTime now) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(now);
  const auto rest = std::chrono::duration_cast<std::chrono::nanoseconds>(now - seconds);
  return {{"seconds", seconds.time_since_epoch().count()}, {"nanoSeconds", rest.count()}};
}

const char* to_string(NtpServer::Authentication authentication) {
  switch (authentication) {
    case NtpServer::Authentication::kNone:
      return "NONE";
    case NtpServer::Authentication::kSymmetricKey:
      return "SYMMETRIC_KEY";
    case NtpServer::Authentication::kAutoKey:
      return "AUTO_KEY";
  }
  return "NONE";
}

json to_json(const NtpServer& server) {
  return {{"ntpServerAddrType", IpAddress::parse(server.address) ? "IP_ADDRESS" : "DNS_NAME"},
          {"ntpServerAddr", server.address},
          {"minPollingInterval", server.min_poll_log2},
          {"maxPollingInterval", server.max_poll_log2},
          {"localPriority", server.local_priority},
          {"authenticationOption", to_string(server.authentication)},
          {"authenticationKeyNum", server.key_number}};
}

json to_json(const PtpMaster& master) {
  return {{"ptpMasterIpAddress", master.address.to_string()},
          {"ptpMasterLocalPriority", master.local_priority},
          {"delayReqMaxRate", master.delay_req_max_rate}};
}

// As the clock moves on, a reply is stale when it arrives.
http::Response fresh(const json& body) {
  return http::Response::json(200, body).with("Cache-Control", "no-store");
}

}  // namespace

ClockDiscipline KernelClockDiscipline::read() const {
  struct timex state{};  // modes 0: asks and changes nothing
  const int result = ::ntp_adjtime(&state);
  return {result >= 0 && result != TIME_ERROR && (state.status & STA_UNSYNC) == 0,
          std::chrono::microseconds(state.maxerror)};
}

bool is_traceable(const ClockDiscipline& clock, const TimingOptions& options) {
  return clock.synchronised && clock.max_error <= options.max_error;
}

json timing_caps_json(const TimingOptions& options, WallTime now) {
  json out = {
      {"timeStamp", time_json(now)}, {"ntpServers", json::array()}, {"ptpMasters", json::array()}};
  for (const auto& server : options.ntp_servers) out["ntpServers"].push_back(to_json(server));
  for (const auto& master : options.ptp_masters) out["ptpMasters"].push_back(to_json(master));
  return out;
}

json current_time_json(WallTime now, bool traceable) {
  auto out = time_json(now);
  out["timeSourceStatus"] = traceable ? "TRACEABLE" : "NONTRACEABLE";
  return out;
}

http::Handlers timing_handlers(const TimingContext& context) {
  return {
      {"getTimingCaps",
       [&](const http::Request&) {
         return fresh(timing_caps_json(context.options, context.clock.wall()));
       }},
      {"getCurrentTime",
       [&](const http::Request&) {
         const bool traceable = is_traceable(context.discipline.read(), context.options);
         return fresh(current_time_json(context.clock.wall(), traceable));
       }},
  };
}

}  // namespace sluice::mep
