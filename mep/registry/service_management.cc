#include "mep/registry/service_management.h"

#include "base/http/percent.h"
#include "mep/registry/own_service.h"

namespace sluice::mep::registry {

using nlohmann::json;

namespace {

// What of a subscription is this API's own (§8.1.3.2).
Result<json> read_criteria(const json& body, const std::string& /*owner*/) {
  const auto given = body.find("filteringCriteria");
  if (given == body.end()) return json::object();
  const auto criteria = criteria_from_json(*given);
  if (!criteria) return std::unexpected(criteria.error());
  return json{{"filteringCriteria", *given}};
}

ServiceInfo describe(const ServiceManagement::OwnApi& own, const TransportInfo& platform,
                     const std::string& base_uri) {
  ServiceInfo out;
  out.name = own.name;
  out.version = own.version;
  out.category = CategoryRef{base_uri + "/api-specs", own.category, own.category, "1"};
  out.transport = platform;
  out.transport->endpoint.uris = {fmt::format("{}/{}/{}", base_uri, own.name, own.path_version)};
  out.consumed_local_only = false;
  return out;
}

}  // namespace

ServiceManagement::ServiceManagement(ServiceSite site, const ServiceOptions& options)
    : site_(std::move(site)),
      registry_(site_.records, Transports(site_.notify.public_uri), options.limits,
                options.liveness),
      directory_(registry_, Links(site_.notify.public_uri)),
      liveness_(site_.notify.store, registry_, site_.clock),
      availability_(site_.notify.outbox, Links(site_.notify.public_uri)),
      api_{site_.notify.store, registry_, directory_, liveness_, Links(site_.notify.public_uri),
           site_.app_exists},
      subscriptions_(site_.notify, subscription_api(options.subscriptions_of_app)) {
  registry_.add_observer([this](store::Transaction& change, std::span<const ServiceChange> told) {
    availability_.announce(change, told);
  });
  timer_ = site_.loop.after({}, [this] { watch(); });
}

ServiceManagement::~ServiceManagement() { site_.loop.cancel(timer_); }

void ServiceManagement::watch() {
  directory_.catch_up(site_.notify.store.snapshot());
  const auto wait = liveness_.check() - site_.clock.now();
  timer_ = site_.loop.after(std::max<EventLoop::Clock::duration>(wait, {}), [this] { watch(); });
}

notify::SubscriptionApi ServiceManagement::subscription_api(size_t limit) const {
  notify::SubscriptionApi out;
  out.name = kApi;
  out.path = [](const std::string& owner) { return Links("").subscriptions(owner); };
  out.owner = [](const http::Request& r) { return own_app(r, "appInstanceId"); };
  out.types = {{kSubscriptionType, read_criteria}};
  out.max_per_owner = limit;
  out.admit = [exists = site_.app_exists](store::Transaction& change,
                                          const notify::Subscription& s) -> Result<void> {
    if (exists(change.view(), s.owner)) return {};
    return fail(ErrorCode::kNotFound, "no app instance '{}'", s.owner);
  };
  return out;
}

http::Handlers ServiceManagement::handlers() const {
  auto out = service_handlers(api_);
  out.merge(liveness_handlers(api_));
  out.merge(subscriptions_.handlers({.list = "listServiceSubscriptions",
                                     .create = "createServiceSubscription",
                                     .read = "getServiceSubscription",
                                     .replace = "putServiceSubscription",
                                     .remove = "deleteServiceSubscription"}));
  return out;
}

void ServiceManagement::withdraw(store::Transaction& change,
                                 const std::string& app_instance_id) const {
  subscriptions_.remove_all(change, app_instance_id);  // first: it need not hear of its own end
  registry_.remove_all_of(change, app_instance_id);
}

Result<void> ServiceManagement::offer(const std::vector<OwnApi>& apis) {
  const auto& base_uri = site_.notify.public_uri;
  const auto& platform = *registry_.transports().find(kRestTransport);
  std::vector<ServiceInfo> own;
  for (const auto& api : apis) own.push_back(describe(api, platform, base_uri));
  auto done = site_.notify.store.change([&](store::Transaction& change) -> Result<void> {
    registry_.offer(change, own);
    return {};
  });
  directory_.catch_up(site_.notify.store.snapshot());
  return done;
}

}  // namespace sluice::mep::registry
