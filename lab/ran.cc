#include "lab/ran.h"

#include "base/log.h"
#include "lab/ue_device.h"

namespace sluice::lab {

using nlohmann::json;

namespace {

constexpr std::chrono::seconds kEchoInterval{2};

json to_json(const UeCounters& c) {
  return {{"uplink_packets", c.uplink_packets},
          {"uplink_bytes", c.uplink_bytes},
          {"downlink_packets", c.downlink_packets},
          {"downlink_bytes", c.downlink_bytes},
          {"dropped_no_tunnel", c.dropped_no_tunnel},
          {"dropped_send", c.dropped_send},
          {"dropped_device", c.dropped_device},
          {"error_indications", c.error_indications},
          {"last_qfi", c.last_qfi ? json(*c.last_qfi) : json()}};
}

json to_json(const GnbCounters& c) {
  return {{"malformed", c.malformed},
          {"unsupported_extension", c.unsupported_extension},
          {"unsupported_type", c.unsupported_type},
          {"unknown_teid", c.unknown_teid},
          {"end_markers", c.end_markers},
          {"echo_requests_answered", c.echo_requests_answered},
          {"echo_requests_sent", c.echo_requests_sent},
          {"echo_responses", c.echo_responses},
          {"error_indications", c.error_indications}};
}

json to_json(const SmfCounters& c) {
  return {{"malformed", c.malformed},
          {"unexpected", c.unexpected},
          {"associations", c.associations},
          {"association_losses", c.association_losses},
          {"establishments_refused", c.establishments_refused}};
}

Result<UeNumber> number_in(const json& request) {
  const auto number = request.find("number");
  if (number == request.end() || !number->is_number_unsigned() || *number > 0xffff) {
    return bad_field("number", "must be the number of a UE");
  }
  return UeNumber(number->get<uint32_t>());
}

}  // namespace

Result<std::unique_ptr<Ran>> Ran::start(EventLoop& loop, const RanConfig& config) {
  std::unique_ptr<Ran> ran(new Ran(loop, config));
  for (const auto& address : config.gnb_addresses) {
    if (auto listening = ran->gnb_.listen(address); !listening) {
      return std::unexpected(listening.error());
    }
  }
  auto smf = Smf::open(loop, config.smf, [gnb = &ran->gnb_](UeNumber ue, const UplinkTunnel& t) {
    gnb->set_tunnel(ue, t);
  });
  if (!smf) return std::unexpected(smf.error());
  ran->smf_ = std::move(*smf);
  for (uint32_t number = 1; number <= config.ues.count; ++number) {
    if (auto added = ran->add_ue(UeNumber(number)); !added) return std::unexpected(added.error());
  }
  spdlog::info("ready ues={}", config.ues.count);
  if (!config.control_socket.empty()) {
    auto control = ControlServer::open(loop, config.control_socket,
                                       [r = ran.get()](const json& q) { return r->handle(q); });
    if (!control) return std::unexpected(control.error());
    ran->control_ = std::move(*control);
  }
  loop.every(kEchoInterval, [gnb = &ran->gnb_] { gnb->send_echo_requests(); });
  return ran;
}

Result<void> Ran::add_ue(UeNumber ue) {
  const auto& pattern = config_.ues;
  if (ue.value() == 0 || ue.value() > pattern.last_number()) {
    return bad_field("number", "must be within 1..{}", pattern.last_number());
  }
  if (ues_.contains(ue)) return fail(ErrorCode::kConflict, "UE {} exists", ue.value());
  auto device = open_ue_device({.netns = pattern.netns_of(ue),
                                .name = pattern.device_of(ue),
                                .v4 = pattern.v4_of(ue),
                                .v6 = pattern.v6_of(ue),
                                .mtu = pattern.mtu});
  if (!device) return std::unexpected(device.error());
  const auto teid = gnb_.attach(ue, std::move(*device));
  if (!teid) return std::unexpected(teid.error());
  ues_.insert(ue);
  SessionPlan plan;
  plan.dnn = pattern.dnn;
  plan.ue_v4 = pattern.v4_of(ue);
  plan.ue_v6 = IpPrefix::make(pattern.v6_of(ue).network(), 64).value();
  plan.qfi = pattern.qfi;
  plan.gnb = gnb_.address(pattern.outer_v4).value();
  plan.downlink_teid = *teid;
  plan.sdf_filters = pattern.sdf_filters;
  smf_->add(ue, std::move(plan));
  return {};
}

Result<void> Ran::remove_ue(UeNumber ue) {
  if (ues_.erase(ue) == 0) return fail(ErrorCode::kNotFound, "no UE {}", ue.value());
  smf_->remove(ue);
  gnb_.detach(ue);
  return {};
}

Result<json> Ran::handle(const json& request) {
  const std::string command = request.value("command", json()).is_string()
                                  ? request["command"].get<std::string>()
                                  : std::string();
  if (command == "status") return status();
  if (command == "ues") {
    auto all = json::array();
    for (const auto ue : ues_) all.push_back(describe(ue));
    return json{{"ues", std::move(all)}};
  }
  if (command != "ue" && command != "add-ue" && command != "remove-ue") {
    return bad_field("command", "must be status, ues, ue, add-ue or remove-ue");
  }
  const auto number = number_in(request);
  if (!number) return std::unexpected(number.error());
  if (command == "remove-ue") {
    if (auto removed = remove_ue(*number); !removed) return std::unexpected(removed.error());
    return json{{"removed", number->value()}};
  }
  if (command == "add-ue") {
    if (auto added = add_ue(*number); !added) return std::unexpected(added.error());
  }
  if (!ues_.contains(*number)) {
    return fail(ErrorCode::kNotFound, "no UE {}", number->value());
  }
  return describe(*number);
}

json Ran::status() const {
  const auto recovery = smf_->upf_recovery();
  return {{"association", smf_->associated() ? "up" : "down"},
          {"upf", config_.smf.upf.to_string()},
          {"upf_started", recovery ? json(recovery->time.time_since_epoch().count()) : json()},
          {"sessions", {{"up", smf_->up()}, {"wanted", smf_->wanted()}}},
          {"smf", to_json(smf_->counters())},
          {"gnb", to_json(gnb_.counters())}};
}

json Ran::describe(UeNumber ue) const {
  const auto& pattern = config_.ues;
  json out = {{"number", ue.value()},
              {"netns", pattern.netns_of(ue)},
              {"device", pattern.device_of(ue)},
              {"v4", pattern.v4_of(ue).to_string()},
              {"v6", pattern.v6_of(ue).address().to_string()}};
  if (const auto session = smf_->session(ue)) {
    out["session"] = to_string(session->first);
    if (!session->second.empty()) out["problem"] = session->second;
  }
  if (const auto* counters = gnb_.counters(ue)) out["counters"] = to_json(*counters);
  return out;
}

}  // namespace sluice::lab
