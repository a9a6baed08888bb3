#include "meao/orchestrator.h"

#include "api-specs/contracts.h"
#include "auth/operator_file.h"
#include "base/http/problem.h"
#include "base/log.h"
#include "meao/catalogue/package_handlers.h"

namespace sluice::meao {
namespace {

constexpr const char* kOperatorScope = "app_pkgm";

}  // namespace

Orchestrator::Collections Orchestrator::Collections::add_to(store::Schema& schema) {
  Collections out;
  out.notifications = notify::Records::add_to(schema);
  out.clients = auth::ClientRecords::add_to(schema);
  out.catalogue = CatalogueRecords::add_to(schema);
  return out;
}

Result<std::unique_ptr<Orchestrator>> Orchestrator::start(EventLoop& loop, const Clock& clock,
                                                          const MeaoConfig& config) {
  auto packages = config.packages;
  if (packages.reader.signature != app_package::SignaturePolicy::kIgnored) {
    const auto trust = app_package::Trust::load(packages.reader.trust);
    if (!trust) return std::unexpected(trust.error());
  }
  store::Schema schema;
  const auto collections = Collections::add_to(schema);
  auto store = store::Store::open(config.state_directory + "/meao.db", std::move(schema), clock);
  if (!store) return std::unexpected(store.error());
  auto notifications =
      notify::Notifications::start(**store, collections.notifications, clock, config.notifications);
  if (!notifications) return std::unexpected(notifications.error());
  if (auto ok = auth::ensure_operator(config.state_directory + "/operator.json", **store,
                                      collections.clients.clients, {kOperatorScope});
      !ok) {
    return std::unexpected(ok.error());
  }
  auto keys = auth::KeyRing::open(
      auth::key_ring_in(config.state_directory, config.tokens.lifetime, config.key_max_age), clock);
  if (!keys) return std::unexpected(keys.error());
  std::unique_ptr<Orchestrator> out(new Orchestrator(loop, clock, config, collections,
                                                     std::move(*store), std::move(*notifications),
                                                     std::move(*keys)));
  auto catalogue = Catalogue::start(*out->store_, collections.catalogue, out->events_,
                                    out->fetch_policy_, clock, std::move(packages));
  if (!catalogue) return std::unexpected(catalogue.error());
  out->catalogue_ = std::move(*catalogue);
  if (auto ok = out->build_router(config); !ok) return std::unexpected(ok.error());
  return out;
}

Orchestrator::Orchestrator(EventLoop& loop, const Clock& clock, const MeaoConfig& config,
                           const Collections& collections, std::unique_ptr<store::Store> store,
                           std::unique_ptr<notify::Notifications> notifications,
                           std::unique_ptr<auth::KeyRing> keys)
    : clock_(clock),
      collections_(collections),
      store_(std::move(store)),
      notifications_(std::move(notifications)),
      clients_(*store_, collections_.clients),
      keys_(std::move(keys)),
      tokens_(*keys_, clients_, clock, config.tokens),
      token_endpoint_(clients_, tokens_, *keys_, clock),
      fetch_policy_(config.fetch_rules),
      events_(notifications_->outbox(), collections_.catalogue, notifications_->public_uri()),
      key_rotation_(std::in_place, loop, *keys_) {}

Orchestrator::~Orchestrator() { close(); }

void Orchestrator::close() {
  if (std::exchange(closed_, true)) return;
  key_rotation_.reset();
  if (catalogue_) catalogue_->stop();
  notifications_->stop();
  store_->close();
}

Result<void> Orchestrator::build_router(const MeaoConfig& config) {
  auto contracts = api_specs::load_contracts(api_specs::orchestrator_documents());
  if (!contracts) return std::unexpected(contracts.error());
  const auto& public_uri = notifications_->public_uri();
  http::Handlers handlers = package_handlers(*catalogue_, public_uri);
  handlers.merge(package_subscription_handlers(
      package_subscriptions({*store_, notifications_->outbox(), notifications_->callbacks(),
                             notifications_->websocket_base(), public_uri},
                            config.subscriptions_per_client)));
  handlers.merge(token_endpoint_.handlers());
  http::RouterOptions options;
  options.authenticator = tokens_.authenticator();
  options.plain_routes = {http::health_route()};
  options.json = config.json;
  options.body_openers = package_body_openers(*catalogue_);
  options.limiter = std::make_shared<http::ClientLimiter>(config.rate, config.rate, clock_);
  options.page_size = config.page_size;
  auto router = http::Router::build(std::move(*contracts), std::move(handlers), std::move(options));
  if (!router) return std::unexpected(router.error());
  router_.emplace(std::move(*router));
  return {};
}

}  // namespace sluice::meao
