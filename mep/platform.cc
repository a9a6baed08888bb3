#include "mep/platform.h"

#include "api-specs/contracts.h"
#include "auth/operator_file.h"
#include "base/log.h"
#include "mep/app-enablement/handlers.h"
#include "mep/app-enablement/lifecycle_handlers.h"
#include "mep/metering/usage_handlers.h"
#include "notify/subscription_status.h"

namespace sluice::mep {
namespace {

constexpr std::chrono::seconds kFeedSweepPeriod{10};
constexpr const char* kFeedScope = "ran_feed";
constexpr const char* kLocationScope = "location";

Result<std::string> calling_app(const http::Request& request) {
  if (const auto app = auth::app_instance_of(*request.principal)) return std::string(*app);
  return fail(ErrorCode::kPermissionDenied, "the access token is of no app instance");
}

}  // namespace

Result<std::unique_ptr<Platform>> Platform::start(EventLoop& loop, const Clock& clock,
                                                  PlatformConfig config) {
  auto contracts = api_specs::load_contracts(api_specs::documents());
  if (!contracts) return std::unexpected(contracts.error());
  store::Schema schema;
  const auto collections = Collections::add_to(schema);
  auto store = store::Store::open(config.state_directory + "/mep.db", std::move(schema), clock);
  if (!store) return std::unexpected(store.error());
  // What is not delivered yet goes out from here on; subscribers hear of changes by the store.
  auto notifications =
      notify::Notifications::start(**store, collections.notifications, clock, config.notifications);
  if (!notifications) return std::unexpected(notifications.error());
  if (auto ok = auth::ensure_operator(config.state_directory + "/operator.json", **store,
                                      collections.apps.clients, {std::string(auth::kScopeMm5)});
      !ok) {
    return std::unexpected(ok.error());
  }
  auto keys = auth::KeyRing::open(
      auth::key_ring_in(config.state_directory, config.tokens.lifetime, config.key_max_age), clock);
  if (!keys) return std::unexpected(keys.error());

  std::unique_ptr<Platform> out(new Platform(loop, clock, std::move(config), std::move(*store),
                                             collections, std::move(*keys),
                                             std::move(*notifications), AppApis::of(*contracts)));
  if (auto ok = out->build_router(std::move(*contracts)); !ok) return std::unexpected(ok.error());
  out->reconciler_ = std::make_unique<Reconciler>(loop, out->store_, clock, out->reports_,
                                                  out->config_.steering, &out->grants_);
  out->termination_timer_ =
      std::make_unique<TerminationTimer>(loop, clock, out->store_, out->terminations_);
  // Changes come from the store's thread; who follows them lives on the loop's.
  const std::weak_ptr<Platform*> alive = out->alive_;
  const auto terminations = collections.app_support.terminations;
  out->base_store_->add_listener(
      [&loop, alive, terminations](const auto& before, const auto& after) {
        bool other_deadline = false;
        for_each_difference(before, after, terminations,
                            [&](const auto&, const auto*, const auto*) { other_deadline = true; });
        loop.post([alive, other_deadline] {
          const auto platform = alive.lock();
          if (!platform) return;
          (*platform)->reconciler_->sync();
          if (other_deadline) (*platform)->termination_timer_->look();
        });
      });
  return out;
}

Platform::Platform(EventLoop& loop, const Clock& clock, PlatformConfig config,
                   std::unique_ptr<store::Store> store, const Collections& collections,
                   std::unique_ptr<auth::KeyRing> keys,
                   std::unique_ptr<notify::Notifications> notifications, AppApis apis)
    : loop_(loop),
      config_(std::move(config)),
      collections_(collections),
      base_store_(std::move(store)),
      notifications_(std::move(notifications)),
      store_(*base_store_, collections_.apps),
      usage_meter_(*base_store_, collections_.usage, clock, config_.usage),
      apis_(std::move(apis)),
      clients_(store_, collections_.apps.clients, collections_.clients),
      keys_(std::move(keys)),
      tokens_(*keys_, clients_, clock, config_.tokens),
      token_endpoint_(clients_, tokens_, *keys_, clock),
      rule_status_(reports_, conflicts_),
      provisioning_{store_,
                    rule_status_,
                    auth::new_secret().substr(0, 16),
                    SLUICE_VERSION,
                    config_.limits,
                    site_costs_,
                    apis_,
                    collections_.app_support,
                    app_end_,
                    api_end_,
                    {}},
      terminations_(collections_.app_support, notifications_->outbox(), app_end_,
                    notifications_->public_uri()),
      registration_{store_, collections_.app_support, app_end_, terminations_,
                    config_.limits.app_instances},
      client_management_{store_, collections_.app_support, app_end_, *keys_, apis_},
      limiter_(std::make_shared<http::ClientLimiter>(config_.rate, config_.rate, clock)),
      timing_{config_.timing, clock, clock_discipline_},
      services_(service_site(clock), config_.services),
      capif_(services_, subscription_site(), config_.services.subscriptions_of_app),
      grants_(collections_.bandwidth),
      bandwidth_(bandwidth_site(), config_.bandwidth),
      feed_(config_.feed, clock,
            [this](std::string_view token) -> Result<void> {
              const auto principal = tokens_.verify(token, http::TokenCheck::kAtHeader);
              if (!principal) return std::unexpected(principal.error());
              if ((*principal)->scopes.contains(kFeedScope)) return {};
              return fail(ErrorCode::kPermissionDenied, "the client may not use {} any more",
                          kFeedScope);
            }),
      location_(location_site(clock), config_.location),
      usage_timer_(loop.every(UsageMeter::kFlushPeriod, [this] { usage_meter_.flush(); })),
      feed_timer_(loop.every(kFeedSweepPeriod, [this] { feed_.forget_silent(); })),
      key_rotation_(std::in_place, loop, *keys_) {
  app_end_.add([this](store::Transaction& change, const std::string& app) {
    capif_.withdraw(change, app);
    services_.withdraw(change, app);
    bandwidth_.withdraw(change, app);
    location_.withdraw(change, app);
  });
  // What was subscribed to with the right to it goes on telling: it ends with the right.
  api_end_[kLocationScope].add([this](store::Transaction& change, const std::string& app) {
    location_.withdraw(change, app);
  });
}

Platform::~Platform() { close(); }

void Platform::close() {
  if (!alive_) return;
  alive_.reset();
  loop_.cancel(usage_timer_);
  loop_.cancel(feed_timer_);
  location_.close();
  key_rotation_.reset();
  notifications_->stop();
  // Behind all that is pending: the replies that wait for it are counted.
  (void)base_store_->change([](store::Transaction&) -> Result<void> { return {}; });
  usage_meter_.flush();
  base_store_->close();
}

notify::SubscriptionSite Platform::subscription_site() const {
  return {*base_store_,
          notifications_->outbox(),
          notifications_->callbacks(),
          notifications_->websocket_base(),
          notifications_->public_uri(),
          config_.subscriptions};
}

registry::ServiceSite Platform::service_site(const Clock& clock) {
  return {loop_, clock, collections_.services, subscription_site(),
          [this](const store::Snapshot& state, std::string_view app) {
            const auto* found = state.find(collections_.apps.apps, app);
            return found != nullptr && found->value.state != AppState::kTerminated;
          }};
}

bandwidth::BandwidthSite Platform::bandwidth_site() {
  return {collections_.bandwidth,
          subscription_site(),
          calling_app,
          [this](const store::Snapshot& state, std::string_view app) -> std::optional<std::string> {
            const auto* found = state.find(collections_.apps.apps, app);
            if (found == nullptr || found->value.state == AppState::kTerminated) return {};
            return found->value.name;
          },
          [this](store::Transaction& change) { store_.raise_generation(change); },
          [this](const std::string& allocation) {
            const auto status = reports_.status(RuleKind::kGuarantee, allocation);
            return status ? status->bytes : 0;
          }};
}

location::LocationSite Platform::location_site(const Clock& clock) {
  return {loop_,
          clock,
          feed_,
          collections_.location,
          subscription_site(),
          calling_app,
          [this](const store::Snapshot& state, std::string_view app) {
            const auto* found = state.find(collections_.apps.apps, app);
            return found != nullptr && found->value.state != AppState::kTerminated &&
                   found->value.apis.contains(kLocationScope);
          }};
}

// Apps find the platform's own APIs where they find those of other apps.
Result<void> Platform::offer_own_apis(const std::vector<http::Contract>& contracts) {
  std::vector<registry::ServiceManagement::OwnApi> own;
  for (const auto& contract : contracts) {
    const std::string_view path = contract.base_path();  // "/mec_app_support/v1"
    const auto version = path.rfind("/v");
    if (version == 0 || version == path.npos || path.starts_with("/mm5") ||
        path.starts_with("/ran_feed")) {
      continue;  // not for apps
    }
    own.push_back({std::string(path.substr(1, version - 1)), std::string(path.substr(version + 1)),
                   contract.version(), "platform"});
  }
  return services_.offer(own);
}

Result<void> Platform::build_router(std::vector<http::Contract> contracts) {
  if (auto ok = offer_own_apis(contracts); !ok) return ok;
  for (const auto& contract : contracts) provisioning_.apis.push_back(api_summary(contract));
  const auto subscriptions = termination_subscriptions(subscription_site(), store_);
  app_end_.add([subscriptions](store::Transaction& change, const std::string& app_id) {
    subscriptions.remove_all(change, app_id);
  });

  http::Handlers handlers = app_enablement_handlers(
      store_, [this](const State& state) { return check_site(provisioning_, state); });
  handlers.merge(lifecycle_handlers(store_, terminations_));
  handlers.merge(registration_handlers(registration_));
  handlers.merge(subscriptions.handlers({.list = "listAppSubscriptions",
                                         .create = "createAppSubscription",
                                         .read = "getAppSubscription",
                                         .replace = "",
                                         .remove = "deleteAppSubscription"}));
  handlers.merge(client_handlers(client_management_));
  handlers.merge(provisioning_handlers(provisioning_));
  handlers.merge(usage_handlers(usage_meter_, base_store_->source()));
  handlers.merge(timing_handlers(timing_));
  handlers.merge(notify::subscription_status_handlers(*notifications_, *base_store_));
  handlers.merge(services_.handlers());
  capif_.catch_up(base_store_->snapshot());
  handlers.merge(capif_.handlers());
  handlers.merge(bandwidth_.handlers());
  handlers.merge(feed_.handlers());
  handlers.merge(location_.handlers());
  handlers.merge(token_endpoint_.handlers());
  auto router =
      http::Router::build(std::move(contracts), std::move(handlers),
                          {.authenticator = tokens_.authenticator(),
                           .plain_routes = {http::health_route()},
                           .json = config_.json,
                           .body_openers = feed_.body_openers(),
                           .limiter = limiter_,
                           .page_size = config_.page_size,
                           .on_reply = [this](const http::Call& call, const http::Response& reply) {
                             usage_meter_.count(call, reply);
                           }});
  if (!router) return std::unexpected(router.error());
  router_.emplace(std::move(*router));
  return {};
}

}  // namespace sluice::mep
