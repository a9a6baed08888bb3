#include "mep/app-enablement/timing.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace sluice::mep {
namespace {

using nlohmann::json;
using std::chrono::microseconds;

TEST(Timing, IsTraceableOnlyWhenTheClockReallyIs) {
  const TimingOptions options{{}, {}, microseconds(1000)};
  struct Case {
    const char* behaviour;
    ClockDiscipline clock;
    bool traceable;
  };
  for (const auto& c : {Case{"locked", {true, microseconds(0)}, true},
                        Case{"at the bound", {true, microseconds(1000)}, true},
                        Case{"steered, but too far off", {true, microseconds(1001)}, false},
                        Case{"nobody steers it", {false, microseconds(0)}, false}}) {
    EXPECT_EQ(is_traceable(c.clock, options), c.traceable) << c.behaviour;
  }
}

TEST(Timing, TellsSecondsAndNanosecondsSince1970) {
  const auto at = [](int64_t nanoseconds) {
    return current_time_json(
        std::chrono::system_clock::time_point(std::chrono::nanoseconds(nanoseconds)), true);
  };
  EXPECT_EQ(
      at(1'577'836'800'000'000'001),
      (json{{"seconds", 1'577'836'800}, {"nanoSeconds", 1}, {"timeSourceStatus", "TRACEABLE"}}));
  EXPECT_EQ(at(999'999'999)["nanoSeconds"], 999'999'999);
}

TEST(Timing, ShowsTheServersOfTheConfiguration) {
  TimingOptions options;
  options.ntp_servers = {NtpServer{.address = "192.0.2.1"},
                         {.address = "ntp.example",
                          .min_poll_log2 = 3,
                          .max_poll_log2 = 17,
                          .local_priority = 2,
                          .authentication = NtpServer::Authentication::kSymmetricKey,
                          .key_number = 7}};
  options.ptp_masters = {{IpAddress::parse("2001:db8::1").value(), 1, 10}};
  const auto caps = timing_caps_json(options, ManualClock().wall());
  EXPECT_EQ(caps, json::parse(R"({
    "timeStamp": {"seconds": 1767225600, "nanoSeconds": 0},
    "ntpServers": [
      {"ntpServerAddrType": "IP_ADDRESS", "ntpServerAddr": "192.0.2.1", "minPollingInterval": 6,
       "maxPollingInterval": 10, "localPriority": 0, "authenticationOption": "NONE",
       "authenticationKeyNum": 0},
      {"ntpServerAddrType": "DNS_NAME", "ntpServerAddr": "ntp.example", "minPollingInterval": 3,
       "maxPollingInterval": 17, "localPriority": 2, "authenticationOption": "SYMMETRIC_KEY",
       "authenticationKeyNum": 7}],
    "ptpMasters": [
      {"ptpMasterIpAddress": "2001:db8::1", "ptpMasterLocalPriority": 1, "delayReqMaxRate": 10}]
  })"));
}

TEST(Timing, ReadsTheKernelsClock) {
  // Whatever the machine says, it says it: an unsynchronised kernel reports a large error.
  const auto clock = KernelClockDiscipline().read();
  EXPECT_GE(clock.max_error.count(), 0);
  EXPECT_TRUE(clock.synchronised || clock.max_error > microseconds(0));
}

TEST(Timing, AnswersFreshEveryTime) {
  class Fixed final : public ClockDisciplineSource {
   public:
    ClockDiscipline read() const override { return value; }
    ClockDiscipline value;
  };
  ManualClock clock;
  Fixed discipline;
  const TimingContext context{{}, clock, discipline};
  const auto handlers = timing_handlers(context);
  const auto ask = [&] { return handlers.at("getCurrentTime")(http::Request{}); };
  EXPECT_EQ(json::parse(ask().body)["timeSourceStatus"], "NONTRACEABLE");
  discipline.value.synchronised = true;
  clock.advance(std::chrono::nanoseconds(5));
  EXPECT_EQ(json::parse(ask().body)["timeSourceStatus"], "TRACEABLE");
  EXPECT_EQ(json::parse(ask().body)["nanoSeconds"], 5);
  EXPECT_EQ(ask().headers.get("Cache-Control"), "no-store");
}

}  // namespace
}  // namespace sluice::mep
