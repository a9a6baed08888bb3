// What a running UPF tells operators.
#include "upf-dataplane/control/ctl_question.h"
#include "upf-dataplane/control/upf.h"

namespace sluice::upf {
namespace {

using nlohmann::json;

json traffic_json(const Traffic& traffic) {
  return {{"packets", traffic.packets}, {"bytes", traffic.bytes}};
}

// The address that a list is to be about, if any.
Result<std::optional<IpAddress>> read_wanted_ue(const json& request) {
  if (!request.contains("ue")) return std::optional<IpAddress>();
  const auto text = request["ue"].is_string() ? request["ue"].get<std::string>() : "";
  const auto ue = IpAddress::parse(text);
  if (!ue) return bad_field("ue", "is no address");
  return std::optional(*ue);
}

}  // namespace

Result<json> Upf::answer(const json& request) {
  const auto command = request["command"].get<std::string>();
  if (command == "status") return describe();
  if (command == "sessions" && n4_) return describe_sessions(request);
  if (command == "tunnels" && learner_) return describe_tunnels(request);
  if (command == "sessions" || command == "tunnels") {
    return bad_field("command", "the mode {} has {}", n4_ ? "upf" : "inline",
                     n4_ ? "sessions, which the SMF knows" : "no sessions: ask for tunnels");
  }
  if (command == "rules") return describe_rules();
  if (command == "why") return why(request);
  return bad_field("command", "is none of status, sessions, tunnels, rules, why and capture");
}

json Upf::describe() const {
  json out = {{"instance", config_.instance},
              {"workers", config_.workers},
              {"sessions", learner_ ? learner_->size() : sessions_->size()},
              {"mepConnected", mp2_->connected()},
              {"capturing", capture_->is_running()},
              {"pathsFailed", paths_->failed()}};
  const auto& ports = neighbours_->ports();
  for (size_t i = 0; i < ports.size(); ++i) {
    const auto sum = [&](auto member) {
      return traffic_json(counters_->traffic(
          [&](const WorkerCounters& w) -> const TrafficCounter& { return (w.*member)[i]; }));
    };
    out["ports"].push_back({{"name", ports[i].name},
                            {"mac", ports[i].mac.to_string()},
                            {"mtu", ports[i].mtu},
                            {"received", sum(&WorkerCounters::received)},
                            {"sent", sum(&WorkerCounters::sent)},
                            {"missed", devices_[i].missed()}});
  }
  out["dropped"] = json::object();
  for (size_t i = 0; i < kDropReasons; ++i) {
    const uint64_t count =
        counters_->count([i](const WorkerCounters& w) -> const Counter& { return w.dropped[i]; });
    if (count != 0) out["dropped"][to_string(static_cast<DropReason>(i))] = count;
  }
  for (size_t i = 0; learner_ && i < kPassed; ++i) {
    out["passed"][to_string(static_cast<Passed>(i))] =
        counters_->count([i](const WorkerCounters& w) -> const Counter& { return w.passed[i]; });
  }
  out["answered"] = json::object();
  for (size_t i = 0; i < kAnswers; ++i) {
    const uint64_t count =
        counters_->count([i](const WorkerCounters& w) -> const Counter& { return w.answered[i]; });
    if (count != 0) out["answered"][to_string(static_cast<Answer>(i))] = count;
  }
  return out;
}

Result<json> Upf::describe_sessions(const json& request) const {
  constexpr size_t kMost = 1000;
  const auto filter = read_wanted_ue(request);
  if (!filter) return std::unexpected(filter.error());
  const auto& wanted = *filter;
  json out = {{"total", sessions_->size()}, {"sessions", json::array()}};
  sessions_->each_usage([&](Seid seid, const SessionUsage& usage) {
    const SessionSpec* spec = n4_->n4().spec(seid);
    if (spec == nullptr || out["sessions"].size() >= kMost) return;
    bool matches = !wanted;
    std::set<std::string> addresses;
    for (const auto& [id, pdr] : spec->pdrs) {
      if (!pdr.ue) continue;
      if (pdr.ue->v4) {
        addresses.insert(pdr.ue->v4->to_string());
        matches |= wanted == IpAddress(*pdr.ue->v4);
      }
      if (pdr.ue->v6) {
        addresses.insert(pdr.ue->v6->to_string());
        matches |= wanted && pdr.ue->v6->contains(*wanted);
      }
    }
    if (!matches) return;
    out["sessions"].push_back(
        {{"seid", fmt::format("{:#x}", seid.value())},
         {"dnn", spec->dnn},
         {"ue", addresses},
         {"uplink", {{"packets", usage.uplink_packets}, {"bytes", usage.uplink_bytes}}},
         {"downlink", {{"packets", usage.downlink_packets}, {"bytes", usage.downlink_bytes}}}});
  });
  return out;
}

Result<json> Upf::describe_tunnels(const json& request) const {
  constexpr size_t kMost = 1000;
  const auto wanted = read_wanted_ue(request);
  if (!wanted) return std::unexpected(wanted.error());
  const auto text = [](const std::array<uint8_t, 16>& address) {
    return IpAddress(Ipv6Address(address)).to_string();
  };
  const auto teid = [](uint32_t value) { return fmt::format("{:#x}", value); };
  json out = {{"total", learner_->size()},
              {"steerable", learner_->steerable()},
              {"tunnels", json::array()}};
  learner_->each([&](const TunnelLearner::User& user) {
    const LearnedTunnel& known = user.tunnel;
    const IpAddress ue(Ipv6Address(known.owner.ue));
    const auto network = IpPrefix::make(ue, ue.is_v4() ? 32 : 64);
    if (out["tunnels"].size() >= kMost || (*wanted && !network->contains(**wanted))) return;
    json entry = {{"ue", ue.is_v4() ? ue.to_string() : network->to_string()},
                  {"core", text(known.owner.core)},
                  {"steerable", known.is_steerable},
                  {"ambiguous", user.is_ambiguous},
                  {"silentMs", user.silent.count()}};
    if (known.uplink_teid != 0) {
      entry["uplink"] = {{"ran", text(known.uplink_ran)}, {"teid", teid(known.uplink_teid)}};
    }
    if (known.downlink.teid != 0) {
      entry["downlink"] = {{"ran", text(known.downlink.address)},
                           {"teid", teid(known.downlink.teid)}};
      if (known.has_qfi) entry["downlink"]["qfi"] = known.qfi;
    }
    out["tunnels"].push_back(std::move(entry));
  });
  return out;
}

json Upf::describe_rules() const {
  const auto status = steering_->status();
  json out = json::array();
  const auto add = [&](const auto& rules, const char* kind) {
    for (const auto& rule : rules) {
      out.push_back({{"id", rule.key},
                     {"kind", kind},
                     {"steering", rule.state == mp2::SteeringState::kSteering},
                     {"reason", rule.reason},
                     {"hits", rule.hits},
                     {"bytes", rule.bytes}});
    }
  };
  add(status.rules, "traffic");
  add(status.dns, "dns");
  return out;
}

Result<json> Upf::why(const json& request) const {
  if (!request.contains("frame")) {
    const auto question = read_packet_question(request, neighbours_->ports());
    if (!question) return std::unexpected(question.error());
    return explainer_->explain(*question);
  }
  if (!request["frame"].is_string() || !request.contains("port") || !request["port"].is_string()) {
    return bad_field("frame", "is hexadecimal text and wants a port");
  }
  const auto port = find_port(request["port"].get<std::string>(), neighbours_->ports());
  const auto frame = read_hex(request["frame"].get<std::string>());
  if (!port) return std::unexpected(port.error());
  if (!frame) return std::unexpected(frame.error());
  return explainer_->explain(*port, *frame);
}

Result<void> Upf::begin_capture(const json& request, CaptureSink& sink) {
  const auto question = read_capture_question(request, neighbours_->ports());
  if (!question) return std::unexpected(question.error());
  return capture_->begin(question->filter, question->limits, sink);
}

void Upf::end_capture() { capture_->stop(); }

}  // namespace sluice::upf
