#include "base/http/problem.h"
#include "base/rest/change_and_reply.h"
#include "base/rest/list_reply.h"
#include "mep/etag.h"
#include "mep/registry/own_service.h"
#include "mep/registry/service_api.h"

namespace sluice::mep::registry {
namespace {

using http::Request;
using http::Response;
using http::to_response;
using nlohmann::json;

const rest::ListOptions kListOptions = {.id_member = "serInstanceId"};

constexpr size_t kAtATime = 256;  // services that are looked up for a page

// What the filter says of the members that services are found by is looked up, too.
void narrow(ServiceQuery& query, const rest::ListPage& page) {
  if (!page.filter() || query.has_identity()) return;
  const auto take = [&](const rest::AttributePath& path, std::vector<std::string>& values) {
    if (query.has_identity()) return;
    if (auto wanted = page.filter()->required(path)) values = std::move(*wanted);
  };
  take({"serInstanceId"}, query.ids);
  take({"serName"}, query.names);
  take({"serCategory", "id"}, query.categories);
}

// One page of what `find(query, after, most)` finds. `self` makes the link of an item, where it is
// not that of /services.
template <typename Find>
Response reply_with(const Request& request, Find find,
                    const std::function<std::string(const std::string&)>& self) {
  auto query = ServiceQuery::parse(request.query);
  if (!query) return to_response(query.error());
  auto page = rest::ListPage::begin(request, kListOptions);
  if (!page) return to_response(page.error());
  narrow(*query, *page);
  std::string after = page->after();
  while (true) {
    const auto found = find(*query, after, kAtATime);
    for (const auto& entry : found) {
      const bool taken = self ? page->add_text(entry->id, entry->text_at(self(entry->id)))
                              : page->add_text(entry->id, entry->text);
      if (!taken) return page->reply();
    }
    if (found.size() < kAtATime) return page->reply();
    after = found.back()->id;
  }
}

Response list_services(const ServiceApi& api, const Request& request) {
  const auto state = api.store.snapshot();
  return reply_with(
      request,
      [&](const ServiceQuery& query, const std::string& after, size_t most) {
        return api.directory.find(state, query, after, most);
      },
      nullptr);
}

Response get_service(const ServiceApi& api, const Request& request) {
  const auto& id = request.path_param("serviceId");
  const auto entry = api.directory.get(api.store.snapshot(), id);
  if (!entry)
    return to_response(Error{ErrorCode::kNotFound, fmt::format("no service '{}'", id), {}});
  const auto tag = etag_of(entry->revision);
  Response out{304, {}, {}};
  if (!client_has(request, tag)) {
    out = Response{200, {}, entry->text};
    out.headers.set("Content-Type", "application/json");
  }
  out.headers.set("ETag", tag);
  return out;
}

Response list_transports(const ServiceApi& api, const Request& request) {
  std::vector<json> items;
  for (const auto& transport : api.registry.transports().all()) items.push_back(to_json(transport));
  return rest::list_reply(request, std::move(items), {.id_member = "id"});
}

Response list_own(const ServiceApi& api, const Request& request) {
  const auto app = own_app(request, "appInstanceId");
  if (!app) return to_response(app.error());
  const auto state = api.store.snapshot();
  return reply_with(
      request,
      [&](const ServiceQuery& query, const std::string& after, size_t most) {
        return api.directory.find_of(state, query, *app, after, most);
      },
      [&](const std::string& id) { return api.links.own_service(*app, id); });
}

json own_view(const ServiceApi& api, const std::string& id, const ServiceRecord& record) {
  return service_view(id, record, api.registry.transport_of(record), api.links,
                      api.links.own_service(record.owner, id));
}

Response get_own(const ServiceApi& api, const Request& request) {
  const auto app = own_app(request, "appInstanceId");
  if (!app) return to_response(app.error());
  const auto& id = request.path_param("serviceId");
  const auto state = api.store.snapshot();
  const auto stored = find_own(state, api.registry.records(), *app, id);
  if (!stored) return to_response(stored.error());
  return tagged_response(request, own_view(api, id, (*stored)->value),
                         etag_of((*stored)->revision));
}

Response post_own(const ServiceApi& api, const Request& request) {
  const auto app = own_app(request, "appInstanceId");
  if (!app) return to_response(app.error());
  auto info = service_from_json(request.json);
  if (!info) return to_response(info.error());
  if (request.json.contains("serInstanceId")) {
    return to_response(Error{ErrorCode::kInvalidArgument,
                             "is given by the platform; leave it out of a registration",
                             "serInstanceId"});
  }
  return rest::change_and_reply(api.store, [&](store::Transaction& change) -> Result<Response> {
    if (!api.app_exists(change.view(), *app)) {
      return fail(ErrorCode::kNotFound, "no app instance '{}'", *app);
    }
    ServiceRecord record;
    record.owner = *app;
    record.info = std::move(*info);
    const auto id = api.registry.add(change, std::move(record));
    if (!id) return std::unexpected(id.error());
    api.liveness.beat(*id);
    const auto& now = *change.view().find(api.registry.records().services, *id);
    return Response::json(201, own_view(api, *id, now.value))
        .with("Location", api.links.own_service(*app, *id))
        .with("ETag", etag_of(now.revision));
  });
}

Result<ServiceInfo> read_replacement(const Request& request, const std::string& id) {
  const auto& body = request.json;
  if (body.contains("serInstanceId") && body["serInstanceId"] != id) {
    return bad_field("serInstanceId", "is not the id in the path, '{}'", id);
  }
  if (body.contains("transportId")) {
    return bad_field("transportId", "may be given only when a service is registered");
  }
  return service_from_json(body);
}

Response put_own(const ServiceApi& api, const Request& request) {
  const auto app = own_app(request, "appInstanceId");
  if (!app) return to_response(app.error());
  const auto& id = request.path_param("serviceId");
  auto info = read_replacement(request, id);
  if (!info) return to_response(info.error());
  return rest::change_and_reply(api.store, [&](store::Transaction& change) -> Result<Response> {
    const auto& records = api.registry.records();
    const auto stored = find_own(change.view(), records, *app, id);
    if (!stored) return std::unexpected(stored.error());
    if (auto ok = check_if_match(request, etag_of((*stored)->revision)); !ok) {
      return std::unexpected(ok.error());
    }
    ServiceRecord record;
    record.info = std::move(*info);
    record.capif = (*stored)->value.capif;
    if (auto ok = api.registry.replace(change, id, std::move(record)); !ok) {
      return std::unexpected(ok.error());
    }
    api.liveness.beat(id);
    const auto& now = *change.view().find(records.services, id);
    return Response::json(200, own_view(api, id, now.value)).with("ETag", etag_of(now.revision));
  });
}

Response delete_own(const ServiceApi& api, const Request& request) {
  const auto app = own_app(request, "appInstanceId");
  if (!app) return to_response(app.error());
  const auto& id = request.path_param("serviceId");
  return rest::change_and_reply(api.store, [&](store::Transaction& change) -> Result<Response> {
    const auto stored = find_own(change.view(), api.registry.records(), *app, id);
    if (!stored) return std::unexpected(stored.error());
    if (auto ok = check_if_match(request, etag_of((*stored)->revision)); !ok) {
      return std::unexpected(ok.error());
    }
    api.registry.remove(change, id);
    return Response::no_content();
  });
}

}  // namespace

http::Handlers service_handlers(const ServiceApi& api) {
  return {
      {"listServices", [&](const Request& r) { return list_services(api, r); }},
      {"getService", [&](const Request& r) { return get_service(api, r); }},
      {"listTransports", [&](const Request& r) { return list_transports(api, r); }},
      {"listAppServices", [&](const Request& r) { return list_own(api, r); }},
      {"registerService", [&](const Request& r) { return post_own(api, r); }},
      {"getAppService", [&](const Request& r) { return get_own(api, r); }},
      {"putAppService", [&](const Request& r) { return put_own(api, r); }},
      {"deleteAppService", [&](const Request& r) { return delete_own(api, r); }},
  };
}

}  // namespace sluice::mep::registry
