#include "mep/platform.h"

#include "api-specs/documents.h"
#include "base/log.h"
#include "mep/app-enablement/handlers.h"
#include "mep/operator_file.h"

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

http::PlainRoute health_route() {
  return {http::Method::kGet, "/healthz",
          [](const http::Request&) { return http::Response::json(200, {{"status", "ok"}}); }};
}

}  // namespace

Result<std::unique_ptr<Platform>> Platform::start(EventLoop& loop, const Clock& clock,
                                                  PlatformConfig config) {
  auto store = Store::open(config.state_directory, clock);
  if (!store) return std::unexpected(store.error());
  if (auto ok = ensure_operator(config.state_directory + "/operator.json", **store); !ok) {
    return std::unexpected(ok.error());
  }
  auto key = auth::SigningKey::load_or_create(config.state_directory + "/token-key.pem");
  if (!key) return std::unexpected(key.error());

  std::unique_ptr<Platform> out(
      new Platform(clock, std::move(config), std::move(*store), std::move(*key)));
  if (auto ok = out->build_router(); !ok) return std::unexpected(ok.error());
  out->reconciler_ =
      std::make_unique<Reconciler>(loop, *out->store_, clock, out->reports_, out->config_.steering);
  // Changes come from the transport's threads; the reconciler lives on the loop's.
  const std::weak_ptr<Platform*> alive = out->alive_;
  out->store_->set_listener([&loop, alive](const std::shared_ptr<const State>&) {
    loop.post([alive] {
      if (const auto platform = alive.lock()) (*platform)->reconciler_->sync();
    });
  });
  return out;
}

Platform::Platform(const Clock& clock, PlatformConfig config, std::unique_ptr<Store> store,
                   auth::SigningKey key)
    : config_(std::move(config)),
      store_(std::move(store)),
      clients_(*store_),
      tokens_(std::move(key), clients_, clock, config_.tokens),
      token_endpoint_(clients_, tokens_, clock),
      rule_status_(reports_, conflicts_),
      provisioning_{*store_,        rule_status_,   auth::new_secret().substr(0, 16),
                    SLUICE_VERSION, config_.limits, site_costs_} {}

Platform::~Platform() { alive_.reset(); }

Result<void> Platform::build_router() {
  auto contracts = load_contracts();
  if (!contracts) return std::unexpected(contracts.error());
  http::Handlers handlers = app_enablement_handlers(*store_);
  handlers.merge(provisioning_handlers(provisioning_));
  handlers.emplace("issueToken",
                   [this](const http::Request& r) { return token_endpoint_.handle(r); });
  auto router = http::Router::build(
      std::move(*contracts), std::move(handlers),
      {.authenticator = [this](std::string_view token) { return tokens_.verify(token); },
       .plain_routes = {health_route()},
       .page_size = config_.page_size,
       .on_handler_exception =
           [](std::string_view operation, std::string_view what) {
             spdlog::error("http handler failed operation={} reason=\"{}\"", operation, what);
           }});
  if (!router) return std::unexpected(router.error());
  router_.emplace(std::move(*router));
  return {};
}

}  // namespace sluice::mep
