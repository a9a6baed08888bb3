#include "mepm/handlers.h"

#include <charconv>
#include <ctime>

#include "base/http/pending_response.h"
#include "base/http/percent.h"
#include "base/http/problem.h"
#include "base/rest/change_and_reply.h"
#include "base/rest/list_reply.h"
#include "base/utf8.h"

namespace sluice::mepm {
namespace {

using http::Request;
using http::Response;
using nlohmann::json;

std::string time_text(int64_t ms) {
  const std::time_t seconds = ms / 1000;
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  char text[40];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
  return fmt::format("{}.{:03}Z", text, ms % 1000);
}

json to_json(const store::Snapshot& state, const AgentRecords& records, const PackageRecord& r) {
  auto images = json::array();
  for (const auto& image : r.images) images.push_back(image.path);
  return {{"packageId", r.id},
          {"sha256", r.sha256},
          {"size", r.size},
          {"appDId", r.appd.value("appDId", "")},
          {"appName", r.appd.value("appName", "")},
          {"appProvider", r.appd.value("appProvider", "")},
          {"appSoftVersion", r.appd.value("appSoftVersion", "")},
          {"images", images},
          {"inUse", SitePackages::in_use(state, records, r.id)}};
}

json to_json(const store::Snapshot&, const AgentRecords&, const InstanceRecord& r) {
  json out = {{"appInstanceId", r.id},
              {"packageId", r.package},
              {"appName", r.name},
              {"desiredState", to_string(r.desired)},
              {"revision", r.revision},
              {"phase", to_string(r.phase)},
              {"since", time_text(r.since_ms)},
              {"restarts", r.restarts}};
  if (!r.operation.empty()) out["operation"] = r.operation;
  if (r.failed) out["failed"] = true;
  if (!r.problem.empty()) out["problem"] = r.problem;
  if (!r.address.empty()) out["ipAddress"] = r.address;
  return out;
}

json to_json(const store::Snapshot&, const AgentRecords&, const OperationRecord& r) {
  json out = {{"operationId", r.id},
              {"appInstanceId", r.instance},
              {"operation", r.operation},
              {"state", r.state},
              {"revision", r.revision},
              {"startTime", time_text(r.started_ms)},
              {"stateEnteredTime", time_text(r.changed_ms)}};
  if (!r.detail.empty()) out["detail"] = r.detail;
  return out;
}

template <typename T>
Response list(const SiteContext& context, const Request& request, store::Collection<T> collection,
              const char* id_member) {
  const rest::ListOptions options{.id_member = id_member};
  auto page = rest::ListPage::begin(request, options);
  if (!page) return http::to_response(page.error());
  const auto state = context.store.snapshot();
  const auto& rows = state.of(collection);
  for (auto at = rows.upper_bound(page->after()); at != rows.end(); ++at) {
    if (!page->add(at->first, to_json(state, context.records, at->second.value))) break;
  }
  return page->reply();
}

template <typename T>
Response read(const SiteContext& context, const Request& request, store::Collection<T> collection,
              const char* noun) {
  const auto& id = request.path_params.begin()->second;
  const auto state = context.store.snapshot();
  const auto* stored = state.find(collection, id);
  if (stored == nullptr)
    return Response::problem(404, fmt::format("there is no {} '{}'", noun, id));
  return Response::json(200, to_json(state, context.records, stored->value));
}

std::optional<uint64_t> content_length(const Request& request) {
  const auto text = request.headers.get("Content-Length").value_or("");
  uint64_t out = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (text.empty() || code != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return out;
}

Response put_package(const SiteContext& context, const Request& request) {
  auto upload = std::static_pointer_cast<SiteUpload>(request.consumer);
  if (!upload) return Response::problem(400, "the request needs a body");
  auto pending = std::make_shared<http::PendingResponse>();
  const auto id = request.path_param("packageId");
  context.packages.finish(
      upload, [&context, pending, id](const Result<SitePackages::Stored>& done) {
        if (!done) return pending->resolve(http::to_response(done.error()));
        const auto state = context.store.snapshot();
        const auto* stored = state.find(context.records.packages, id);
        if (stored == nullptr) {
          return pending->resolve(Response::problem(409, "the package was removed meanwhile"));
        }
        auto reply = Response::json(done->is_new ? 201 : 200,
                                    to_json(state, context.records, stored->value));
        if (done->is_new) {
          reply.headers.set("Location", "/mm3/v1/packages/" + http::percent_encode(id));
        }
        pending->resolve(std::move(reply));
      });
  return http::deferred(pending);
}

Response delete_package(const SiteContext& context, const Request& request) {
  auto pending = std::make_shared<http::PendingResponse>();
  context.packages.remove(request.path_param("packageId"), [pending](const Result<void>& done) {
    pending->resolve(done ? Response::no_content() : http::to_response(done.error()));
  });
  return http::deferred(pending);
}

Response put_instance(const SiteContext& context, const Request& request) {
  const auto& body = request.json;
  InstanceRequest wanted{.id = request.path_param("appInstanceId"),
                         .package = body["packageId"].get<std::string>(),
                         .desired = *parse_desired(body["desiredState"].get<std::string>()),
                         .revision = body["revision"].get<uint64_t>(),
                         .graceful_timeout_s = {}};
  if (body.contains("gracefulTimeout")) {
    wanted.graceful_timeout_s = body["gracefulTimeout"].get<uint32_t>();
  }
  auto reply =
      rest::change_and_reply(context.store, [&](store::Transaction& change) -> Result<Response> {
        if (auto ok = context.agent.desire(change, wanted); !ok) {
          return std::unexpected(ok.error());
        }
        const auto view = change.view();
        const auto* stored = view.find(context.records.instances, wanted.id);
        return Response::json(202, to_json(view, context.records, stored->value));
      });
  return http::then(std::move(reply), [&context, id = wanted.id](Response&& made) {
    if (made.status == 202) context.agent.wake(id);
    return std::move(made);
  });
}

Response delete_instance(const SiteContext& context, const Request& request) {
  return rest::change_and_reply(context.store, [&](store::Transaction& change) -> Result<Response> {
    if (auto ok = context.agent.forget(change, request.path_param("appInstanceId")); !ok) {
      return std::unexpected(ok.error());
    }
    return Response::no_content();
  });
}

Response logs_reply(Vim& vim, const std::string& id, const std::string& container, size_t lines) {
  const auto text = vim.logs(id, container, lines);
  if (!text && text.error().code == ErrorCode::kNotFound) {
    return Response::problem(404, fmt::format("there is no container '{}' now", container));
  }
  if (!text) return Response::problem(503, text.error().message);
  return Response::json(
      200, {{"appInstanceId", id}, {"container", container}, {"text", as_utf8(*text)}});
}

Response logs(const SiteContext& context, const Request& request) {
  const auto& id = request.path_param("appInstanceId");
  const auto state = context.store.snapshot();
  const auto* stored = state.find(context.records.instances, id);
  const auto* package =
      stored == nullptr ? nullptr : state.find(context.records.packages, stored->value.package);
  if (package == nullptr) {
    return Response::problem(404, fmt::format("there is no app instance '{}'", id));
  }
  const auto plan = plan_of(package->value, stored->value, {});
  const auto asked = request.query.get("container");
  const auto container =
      asked ? container_name(std::string(*asked)) : plan.workload.containers.front().name;
  const auto lines = std::stoul(std::string(request.query.get("lines").value_or("100")));
  auto pending = std::make_shared<http::PendingResponse>();
  context.logs.post([&vim = context.agent.vim(), pending, id, container, lines] {
    pending->resolve(logs_reply(vim, id, container, lines));
  });
  return http::deferred(pending);
}

}  // namespace

http::Handlers site_handlers(const SiteContext& context) {
  const auto& c = context;
  const auto& r = context.records;
  return {
      {"listPackages", [&](const Request& q) { return list(c, q, r.packages, "packageId"); }},
      {"getPackage", [&](const Request& q) { return read(c, q, r.packages, "package"); }},
      {"putPackage", [&](const Request& q) { return put_package(c, q); }},
      {"deletePackage", [&](const Request& q) { return delete_package(c, q); }},
      {"listAppInstances",
       [&](const Request& q) { return list(c, q, r.instances, "appInstanceId"); }},
      {"getAppInstance", [&](const Request& q) { return read(c, q, r.instances, "app instance"); }},
      {"putAppInstance", [&](const Request& q) { return put_instance(c, q); }},
      {"deleteAppInstance", [&](const Request& q) { return delete_instance(c, q); }},
      {"getAppInstanceLogs", [&](const Request& q) { return logs(c, q); }},
      {"listOperations", [&](const Request& q) { return list(c, q, r.operations, "operationId"); }},
      {"getOperation", [&](const Request& q) { return read(c, q, r.operations, "operation"); }},
  };
}

std::map<std::string, http::BodyOpener, std::less<>> site_body_openers(const SiteContext& context) {
  return {{"putPackage", [&context](const Request& request) {
             return context.packages.begin(request.path_param("packageId"), content_length(request),
                                           request.query.get("sha256").value_or(""));
           }}};
}

}  // namespace sluice::mepm
