#include "mep/platform.h"

#include "api-specs/documents.h"
#include "base/log.h"
#include "mep/app-enablement/handlers.h"
#include "mep/metering/usage_handlers.h"
#include "mep/operator_file.h"
#include "notify/subscription_status.h"

namespace sluice::mep {
namespace {

Result<std::vector<http::Contract>> load_contracts() {
  std::vector<http::Contract> out;
  for (const auto& document : api_specs::documents()) {
    auto contract = http::Contract::load(std::string(document.name), document.yaml);
    if (!contract) return std::unexpected(contract.error());
    out.push_back(std::move(*contract));
  }
  return out;
}

constexpr std::chrono::seconds kKeyCheckPeriod{10};

http::PlainRoute health_route() {
  return {http::Method::kGet, "/healthz",
          [](const http::Request&) { return http::Response::json(200, {{"status", "ok"}}); }};
}

}  // namespace

Result<std::unique_ptr<Platform>> Platform::start(EventLoop& loop, const Clock& clock,
                                                  PlatformConfig config) {
  store::Schema schema;
  const auto collections = Collections::add_to(schema);
  auto store = store::Store::open(config.state_directory + "/mep.db", std::move(schema), clock);
  if (!store) return std::unexpected(store.error());
  auto notifications =
      notify::Notifications::start(**store, collections.notifications, clock, config.notifications);
  if (!notifications) return std::unexpected(notifications.error());
  Store apps(**store, collections.apps);
  if (auto ok = ensure_operator(config.state_directory + "/operator.json", apps); !ok) {
    return std::unexpected(ok.error());
  }
  auto keys = auth::KeyRing::open({.directory = config.state_directory + "/token-keys",
                                   .single_key_file = config.state_directory + "/token-key.pem",
                                   .token_lifetime = config.tokens.lifetime,
                                   .max_age = config.key_max_age},
                                  clock);
  if (!keys) return std::unexpected(keys.error());

  std::unique_ptr<Platform> out(new Platform(loop, clock, std::move(config), std::move(*store),
                                             collections, std::move(*keys),
                                             std::move(*notifications)));
  if (auto ok = out->build_router(); !ok) return std::unexpected(ok.error());
  out->reconciler_ =
      std::make_unique<Reconciler>(loop, out->store_, clock, out->reports_, out->config_.steering);
  // Changes come from the store's thread; the reconciler lives on the loop's.
  const std::weak_ptr<Platform*> alive = out->alive_;
  out->base_store_->add_listener([&loop, alive](const auto&, const auto&) {
    loop.post([alive] {
      if (const auto platform = alive.lock()) (*platform)->reconciler_->sync();
    });
  });
  return out;
}

Platform::Platform(EventLoop& loop, const Clock& clock, PlatformConfig config,
                   std::unique_ptr<store::Store> store, const Collections& collections,
                   std::unique_ptr<auth::KeyRing> keys,
                   std::unique_ptr<notify::Notifications> notifications)
    : loop_(loop),
      config_(std::move(config)),
      collections_(collections),
      base_store_(std::move(store)),
      notifications_(std::move(notifications)),
      store_(*base_store_, collections_.apps),
      usage_meter_(*base_store_, collections_.usage, clock, config_.usage),
      clients_(store_),
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
                    app_end_,
                    {}},
      limiter_(std::make_shared<http::ClientLimiter>(config_.rate, config_.rate, clock)),
      timing_{config_.timing, clock, clock_discipline_},
      services_(service_site(clock), config_.services),
      capif_(services_, subscription_site(), config_.services.subscriptions_of_app),
      usage_timer_(loop.every(UsageMeter::kFlushPeriod, [this] { usage_meter_.flush(); })),
      key_timer_(loop.every(kKeyCheckPeriod, [this] { check_keys(); })) {
  app_end_.add([this](store::Transaction& change, const std::string& app) {
    capif_.withdraw(change, app);
    services_.withdraw(change, app);
  });
}

Platform::~Platform() {
  loop_.cancel(usage_timer_);
  usage_meter_.flush();
  loop_.cancel(key_timer_);
  alive_.reset();
}

void Platform::check_keys() {
  const auto before = keys_->signing()->id();
  if (auto ok = keys_->maintain(); !ok) {
    spdlog::error("auth key rotation failed reason=\"{}\"", ok.error().to_string());
  } else if (const auto now = keys_->signing()->id(); now != before) {
    spdlog::info("auth key rotated kid={}", now);
  }
}

notify::SubscriptionSite Platform::subscription_site() const {
  return {*base_store_, notifications_->outbox(), notifications_->callbacks(),
          notifications_->websocket_base(), notifications_->public_uri()};
}

registry::ServiceSite Platform::service_site(const Clock& clock) {
  return {
      loop_, clock, collections_.services,
      notify::SubscriptionSite{*base_store_, notifications_->outbox(), notifications_->callbacks(),
                               notifications_->websocket_base(), notifications_->public_uri()},
      [this](const store::Snapshot& state, std::string_view app) {
        return state.find(collections_.apps.apps, app) != nullptr;
      }};
}

// Apps find the platform's own APIs where they find those of other apps.
Result<void> Platform::offer_own_apis(const std::vector<http::Contract>& contracts) {
  std::vector<registry::ServiceManagement::OwnApi> own;
  for (const auto& contract : contracts) {
    std::string_view path = contract.base_path();                      // "/mec_app_support/v1"
    if (!path.ends_with("/v1") || path.starts_with("/mm5")) continue;  // not for apps
    path = path.substr(1, path.size() - 4);
    own.push_back({std::string(path), contract.version(), "platform"});
  }
  return services_.offer(own);
}

Result<void> Platform::build_router() {
  auto contracts = load_contracts();
  if (!contracts) return std::unexpected(contracts.error());
  if (auto ok = offer_own_apis(*contracts); !ok) return ok;
  for (const auto& contract : *contracts) provisioning_.apis.push_back(api_summary(contract));
  http::Handlers handlers = app_enablement_handlers(store_);
  handlers.merge(provisioning_handlers(provisioning_));
  handlers.merge(usage_handlers(usage_meter_, base_store_->source()));
  handlers.merge(timing_handlers(timing_));
  handlers.merge(notify::subscription_status_handlers(*notifications_, *base_store_));
  handlers.merge(services_.handlers());
  handlers.merge(capif_.handlers());
  handlers.merge(token_endpoint_.handlers());
  handlers.erase("revokeToken");  // until the store keeps revocations
  auto router = http::Router::build(
      std::move(*contracts), std::move(handlers),
      {.authenticator = [this](std::string_view token) { return tokens_.verify(token); },
       .plain_routes = {health_route()},
       .json = config_.json,
       .limiter = limiter_,
       .page_size = config_.page_size,
       .on_handler_exception =
           [](std::string_view operation, std::string_view what) {
             spdlog::error("http handler failed operation={} reason=\"{}\"", operation, what);
           },
       .on_reply = [this](const http::Call& call,
                          const http::Response& reply) { usage_meter_.count(call, reply); }});
  if (!router) return std::unexpected(router.error());
  router_.emplace(std::move(*router));
  return {};
}

}  // namespace sluice::mep
