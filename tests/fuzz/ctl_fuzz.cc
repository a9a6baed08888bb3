// Any line on the operator's socket: it is refused with a reason or answered, and the question
// about a packet that is read is one that the packet path can be asked.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "upf-dataplane/control/ctl_question.h"
#include "upf-dataplane/control/explainer.h"
#include "upf-dataplane/testing/test_site.h"

using namespace sluice;
using namespace sluice::upf;
using nlohmann::json;

namespace {

struct Site {
  upf::testing::TestSite site;
  SessionSpec spec;
  Explainer explainer{site.shared,
                      *site.sessions,
                      *site.steering,
                      [this](Seid seid) { return seid == spec.seid ? &spec : nullptr; },
                      [this] { return site.ticks(); },
                      64,
                      SteeringManager::counter_slots(64)};

  Site() : spec(site.ue_session(2)) {
    if (!site.sessions->install(spec)) std::abort();
    site.set_rules({R"({"trafficRuleId": "web", "filterType": "FLOW", "priority": 9,
        "trafficFilter": [{"dstPort": ["80"]}], "action": "FORWARD_DECAPSULATED",
        "dstInterface": {"interfaceType": "IP", "dstIpAddress": "10.60.0.10"}, "state": "ACTIVE"})"});
    site.answer(upf::testing::kN3, "192.168.3.2", upf::testing::kGnbMac);
    site.answer(upf::testing::kLdn, "10.60.0.10", upf::testing::kAppMac);
  }
};

void check(bool condition) {
  if (!condition) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static Site site;  // not leaked: see frame_fuzz.cc
  const auto request =
      json::parse(std::string_view(reinterpret_cast<const char*>(data), size), nullptr, false);
  if (!request.is_object()) return 0;
  const auto& ports = site.site.neighbours->ports();
  if (const auto question = read_packet_question(request, ports)) {
    const auto answer = site.explainer.explain(*question);
    check(answer ? answer->contains("verdict") : !answer.error().message.empty());
  } else {
    check(!question.error().message.empty());
  }
  if (const auto question = read_capture_question(request, ports)) {
    check(question->limits.packets > 0 && question->limits.seconds > 0);
  } else {
    check(!question.error().message.empty());
  }
  if (request.contains("frame") && request["frame"].is_string()) {
    if (const auto frame = read_hex(request["frame"].get<std::string>())) {
      check(site.explainer.explain(upf::testing::kN3, *frame).contains("verdict"));
    }
  }
  return 0;
}
