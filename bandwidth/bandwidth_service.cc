#include "bandwidth/bandwidth_service.h"

#include <algorithm>

#include "base/http/etag.h"
#include "base/http/percent.h"
#include "base/http/problem.h"
#include "base/rest/change_and_reply.h"
#include "base/rest/list_reply.h"
#include "base/uuid.h"

namespace sluice::bandwidth {

using http::Request;
using http::Response;
using http::to_response;
using nlohmann::json;

namespace {

constexpr const char* kIdParameter = "allocationId";

bool holds(const std::vector<std::string>& values, const std::string& value) {
  return values.empty() || std::ranges::find(values, value) != values.end();
}

// What the parameters of the list's own ask for (§7.3.3.1): one way at most.
struct Query {
  std::vector<std::string> apps, names, ids;

  static Result<Query> parse(const http::Query& query) {
    Query out{rest::query_values(query, "app_instance_id"), rest::query_values(query, "app_name"),
              rest::query_values(query, "session_id")};
    const int ways = int{!out.apps.empty()} + int{!out.names.empty()} + int{!out.ids.empty()};
    if (ways <= 1) return out;
    return bad_field(out.apps.empty() ? "app_name" : "app_instance_id",
                     "only one of app_instance_id, app_name and session_id may be given");
  }
  bool takes(const std::string& id, const Allocation& allocation) const {
    return holds(apps, allocation.app_instance_id) && holds(names, allocation.app_name) &&
           holds(ids, id);
  }
};

// The members that name a resource cannot be changed by its body.
Result<void> check_identity(const json& body, const std::string& app, const std::string& id) {
  if (body.at("appInsId") != app) {
    return fail(ErrorCode::kPermissionDenied, "appInsId: the access token is of '{}'", app);
  }
  if (id.empty() && body.contains(kIdParameter)) {
    return bad_field(kIdParameter, "is given by the platform; leave it out of a new allocation");
  }
  if (!id.empty() && body.contains(kIdParameter) && body[kIdParameter] != id) {
    return bad_field(kIdParameter, "is not the id in the path, '{}'", id);
  }
  return {};
}

}  // namespace

BandwidthService::BandwidthService(BandwidthSite site, const BandwidthOptions& options)
    : site_(std::move(site)),
      capacity_(options.capacity),
      events_(site_.notify.outbox, site_.carried),
      subscriptions_(site_.notify, subscription_api(options.subscriptions_of_app)) {}

notify::SubscriptionApi BandwidthService::subscription_api(size_t limit) const {
  notify::SubscriptionApi out;
  out.name = kApi;
  out.path = [](const std::string&) { return "/bwm/v1/subscriptions"; };
  out.owner = site_.caller;
  out.types = {{kSubscriptionType, read_criteria}};
  out.max_per_owner = limit;
  out.admit = [app_name = site_.app_name](store::Transaction& change,
                                          const notify::Subscription& s) -> Result<void> {
    if (app_name(change.view(), s.owner)) return {};
    return fail(ErrorCode::kNotFound, "no app instance '{}'", s.owner);
  };
  return out;
}

http::Handlers BandwidthService::handlers() const {
  http::Handlers out = {
      {"listBandwidthAllocations", [this](const Request& r) { return list(r); }},
      {"createBandwidthAllocation", [this](const Request& r) { return create(r); }},
      {"getBandwidthAllocation", [this](const Request& r) { return read(r); }},
      {"putBandwidthAllocation", [this](const Request& r) { return replace(r); }},
      {"patchBandwidthAllocation", [this](const Request& r) { return modify(r); }},
      {"deleteBandwidthAllocation", [this](const Request& r) { return remove(r); }},
  };
  out.merge(subscriptions_.handlers({.list = "listBandwidthSubscriptions",
                                     .create = "createBandwidthSubscription",
                                     .read = "getBandwidthSubscription",
                                     .replace = "putBandwidthSubscription",
                                     .remove = "deleteBandwidthSubscription"}));
  return out;
}

// Others' allocations are not there, so that nobody can find out who else is here.
Result<const store::Stored<Allocation>*> BandwidthService::find_own(const store::Snapshot& state,
                                                                    const Request& request) const {
  const auto app = site_.caller(request);
  if (!app) return std::unexpected(app.error());
  const auto& id = request.path_param(kIdParameter);
  const auto* stored = state.find(site_.records.allocations, id);
  if (stored != nullptr && stored->value.app_instance_id == *app) return stored;
  return fail(ErrorCode::kNotFound, "app instance '{}' has no bandwidth allocation '{}'", *app, id);
}

Response BandwidthService::list(const Request& request) const {
  const auto app = site_.caller(request);
  if (!app) return to_response(app.error());
  const auto query = Query::parse(request.query);
  if (!query) return to_response(query.error());
  auto page = rest::ListPage::begin(request, {.id_member = kIdParameter});
  if (!page) return to_response(page.error());
  const auto state = site_.notify.store.snapshot();
  const auto& all = state.of(site_.records.allocations);
  for (auto it = all.upper_bound(page->after()); it != all.end(); ++it) {
    const auto& allocation = it->second.value;
    if (allocation.app_instance_id != *app || !query->takes(it->first, allocation)) continue;
    if (!page->add(it->first, bw_info(it->first, allocation))) break;
  }
  return page->reply();
}

Response BandwidthService::read(const Request& request) const {
  const auto state = site_.notify.store.snapshot();
  const auto stored = find_own(state, request);
  if (!stored) return to_response(stored.error());
  return http::tagged_response(request, bw_info(request.path_param(kIdParameter), (*stored)->value),
                               http::etag_of((*stored)->revision));
}

// Grants what `body` asks for, in place of `before` if that is not null.
Result<Response> BandwidthService::put(store::Transaction& change, const std::string& id,
                                       const json& body, const Allocation* before) const {
  auto wanted = allocation_from_json(body);
  if (!wanted) return std::unexpected(wanted.error());
  const auto name = site_.app_name(change.view(), wanted->app_instance_id);
  if (!name) return fail(ErrorCode::kNotFound, "no app instance '{}'", wanted->app_instance_id);
  if (wanted->app_name.empty()) wanted->app_name = *name;
  wanted->order = before == nullptr ? change.revision() : before->order;
  wanted->changed = change.now();
  if (auto ok = admit(change.view(), site_.records, capacity_, id, *wanted); !ok) {
    return std::unexpected(ok.error());
  }
  events_.announce(change, id, before, &*wanted);
  auto reply = Response::json(before == nullptr ? 201 : 200, bw_info(id, *wanted))
                   .with("ETag", http::etag_of(change.revision()));
  change.put(site_.records.allocations, id, std::move(*wanted));
  site_.grants_changed(change);
  return reply;
}

Response BandwidthService::create(const Request& request) const {
  const auto app = site_.caller(request);
  if (!app) return to_response(app.error());
  if (auto ok = check_identity(request.json, *app, ""); !ok) return to_response(ok.error());
  return rest::change_and_reply(
      site_.notify.store, [&](store::Transaction& change) -> Result<Response> {
        const auto id = new_uuid();
        auto reply = put(change, id, request.json, nullptr);
        if (reply) {
          reply->headers.set("Location", site_.notify.public_uri + "/bwm/v1/bw_allocations/" + id);
        }
        return reply;
      });
}

Response BandwidthService::rewrite(
    const Request& request,
    const std::function<json(const std::string& id, const Allocation& before)>& wanted) const {
  const auto& id = request.path_param(kIdParameter);
  return rest::change_and_reply(
      site_.notify.store, [&](store::Transaction& change) -> Result<Response> {
        const auto stored = find_own(change.view(), request);
        if (!stored) return std::unexpected(stored.error());
        const Allocation before = (*stored)->value;
        if (auto ok = check_identity(request.json, before.app_instance_id, id); !ok) {
          return std::unexpected(ok.error());
        }
        if (auto ok = http::check_if_match(request, http::etag_of((*stored)->revision)); !ok) {
          return std::unexpected(ok.error());
        }
        return put(change, id, wanted(id, before), &before);
      });
}

Response BandwidthService::replace(const Request& request) const {
  return rewrite(request, [&](const auto&, const auto&) { return request.json; });
}

Response BandwidthService::modify(const Request& request) const {
  return rewrite(request, [&](const std::string& id, const Allocation& before) {
    return with_deltas(bw_info(id, before), request.json);
  });
}

Response BandwidthService::remove(const Request& request) const {
  const auto& id = request.path_param(kIdParameter);
  return rest::change_and_reply(
      site_.notify.store, [&](store::Transaction& change) -> Result<Response> {
        const auto stored = find_own(change.view(), request);
        if (!stored) return std::unexpected(stored.error());
        if (auto ok = http::check_if_match(request, http::etag_of((*stored)->revision)); !ok) {
          return std::unexpected(ok.error());
        }
        events_.announce(change, id, &(*stored)->value, nullptr);
        change.erase(site_.records.allocations, id);
        site_.grants_changed(change);
        return Response::no_content();
      });
}

Granted BandwidthService::granted() const {
  return bandwidth::granted(site_.notify.store.snapshot(), site_.records);
}

void BandwidthService::withdraw(store::Transaction& change,
                                const std::string& app_instance_id) const {
  subscriptions_.remove_all(change, app_instance_id);  // first: it need not hear of its own end
  std::vector<std::string> gone;
  const auto view = change.view();
  for (const auto& [id, stored] : view.of(site_.records.allocations)) {
    if (stored.value.app_instance_id == app_instance_id) gone.push_back(id);
  }
  for (const auto& id : gone) change.erase(site_.records.allocations, id);
  if (!gone.empty()) site_.grants_changed(change);
}

}  // namespace sluice::bandwidth
