// The traffic endpoints of a request (TS 29.244 §7.5.2.7, §7.5.4.13, §7.5.4.14).
#include <fmt/format.h>

#include <optional>

#include "upf-dataplane/pfcp/endpoint_values.h"
#include "upf-dataplane/pfcp/pdi_reader.h"
#include "upf-dataplane/pfcp/session_edit.h"

namespace sluice::upf::pfcp {
namespace {

using Endpoints = std::map<uint8_t, TrafficEndpoint>;

// The endpoint that an Update or Remove group names, which has to exist; end() after a refusal.
Endpoints::iterator named_endpoint(const Ie& group, Endpoints& endpoints, GroupReader& request) {
  if (request.failed()) return endpoints.end();
  const auto id = read<TrafficEndpointId>(group.children);
  if (!id || !*id) {
    request.refuse(id ? id->error().cause : Cause::kMandatoryIeMissing, IeType::kTrafficEndpointId,
                   id ? id->error().reason : "is missing");
    return endpoints.end();
  }
  const auto found = endpoints.find((*id)->value);
  if (found == endpoints.end()) {
    request.refuse(Cause::kRuleCreationOrModificationFailure, IeType::kTrafficEndpointId,
                   fmt::format("there is no traffic endpoint {}", (*id)->value));
  }
  return found;
}

}  // namespace

void SessionEdit::create_endpoint(const Ie& group, GroupReader& request) {
  if (request.failed()) return;
  auto made = read_create_endpoint(group, pdr_context());
  if (!made) return request.refuse(std::move(made.error()));
  if (!session_.endpoints.emplace(made->id, std::move(made->endpoint)).second) {
    return request.refuse(Cause::kRuleCreationOrModificationFailure, IeType::kTrafficEndpointId,
                          fmt::format("there is a traffic endpoint {} already", made->id));
  }
  if (made->chosen.any()) chosen_endpoints_[made->id] = made->chosen;
}

void SessionEdit::update_endpoint(const Ie& group, GroupReader& request) {
  const auto found = named_endpoint(group, session_.endpoints, request);
  if (request.failed()) return;
  auto next = read_update_endpoint(group, found->second, pdr_context());
  if (!next) return request.refuse(std::move(next.error()));
  if (next->f_teid != found->second.f_teid) chosen_endpoints_.erase(found->first);
  found->second = *std::move(next);
  for (auto& [id, pdr] : session_.spec.pdrs) {
    if (pdr.traffic_endpoint == found->first) apply(found->second, pdr);
  }
}

// Its PDRs go with it (§7.5.4.14).
void SessionEdit::remove_endpoint(const Ie& group, GroupReader& request) {
  const auto found = named_endpoint(group, session_.endpoints, request);
  if (request.failed()) return;
  std::erase_if(session_.spec.pdrs,
                [&](const auto& rule) { return rule.second.traffic_endpoint == found->first; });
  session_.endpoints.erase(found);
}

}  // namespace sluice::upf::pfcp
