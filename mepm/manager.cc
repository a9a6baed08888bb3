#include "mepm/manager.h"

#include "api-specs/contracts.h"
#include "auth/operator_file.h"

namespace sluice::mepm {
namespace {

constexpr const char* kOperatorScope = "mm3";

}  // namespace

Result<std::unique_ptr<Manager>> Manager::start(EventLoop& loop, const Clock& clock,
                                                const MepmConfig& config) {
  if (config.agent.reader.signature != app_package::SignaturePolicy::kIgnored) {
    const auto trust = app_package::Trust::load(config.agent.reader.trust);
    if (!trust) return std::unexpected(trust.error());
  }
  store::Schema schema;
  const Collections collections{auth::ClientRecords::add_to(schema), AgentRecords::add_to(schema)};
  auto store = store::Store::open(config.state_directory + "/mepm.db", std::move(schema), clock);
  if (!store) return std::unexpected(store.error());
  if (auto ok = auth::ensure_operator(config.state_directory + "/operator.json", **store,
                                      collections.clients.clients, {kOperatorScope});
      !ok) {
    return std::unexpected(ok.error());
  }
  auto keys = auth::KeyRing::open(
      auth::key_ring_in(config.state_directory, config.tokens.lifetime, config.key_max_age), clock);
  if (!keys) return std::unexpected(keys.error());
  auto files = app_package::ContentFiles::open(config.state_directory + "/packages");
  if (!files) return std::unexpected(files.error());
  std::unique_ptr<Manager> out(new Manager(loop, clock, config, collections, std::move(*store),
                                           std::move(*keys), std::move(*files)));
  if (auto ok = out->build_router(config); !ok) return std::unexpected(ok.error());
  out->agent_.start();
  return out;
}

Manager::Manager(EventLoop& loop, const Clock& clock, const MepmConfig& config,
                 const Collections& collections, std::unique_ptr<store::Store> store,
                 std::unique_ptr<auth::KeyRing> keys, app_package::ContentFiles files)
    : clock_(clock),
      collections_(collections),
      store_(std::move(store)),
      clients_(*store_, collections_.clients),
      keys_(std::move(keys)),
      tokens_(*keys_, clients_, clock, config.tokens),
      token_endpoint_(clients_, tokens_, *keys_, clock),
      files_(std::move(files)),
      podman_(config.podman),
      platform_(config.platform),
      packages_(*store_, collections_.agent, files_, podman_, clock, config.agent.reader,
                config.packages),
      agent_(loop, clock, *store_, collections_.agent, files_, podman_, platform_, config.agent),
      context_{*store_, collections_.agent, agent_, packages_, logs_},
      key_rotation_(std::in_place, loop, *keys_) {}

void Manager::close() {
  if (std::exchange(closed_, true)) return;
  key_rotation_.reset();
  podman_.interrupt();
  logs_.stop();
  agent_.stop();
  packages_.stop();
  store_->close();
}

Result<void> Manager::build_router(const MepmConfig& config) {
  auto contracts = api_specs::load_contracts(api_specs::site_documents());
  if (!contracts) return std::unexpected(contracts.error());
  http::Handlers handlers = site_handlers(context_);
  handlers.merge(token_endpoint_.handlers());
  http::RouterOptions options;
  options.authenticator = tokens_.authenticator();
  options.plain_routes = {http::health_route()};
  options.json = config.json;
  options.body_openers = site_body_openers(context_);
  options.limiter = std::make_shared<http::ClientLimiter>(config.rate, config.rate, clock_);
  options.page_size = config.page_size;
  auto router = http::Router::build(std::move(*contracts), std::move(handlers), std::move(options));
  if (!router) return std::unexpected(router.error());
  router_.emplace(std::move(*router));
  return {};
}

}  // namespace sluice::mepm
