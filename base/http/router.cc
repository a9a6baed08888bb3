#include "base/http/router.h"

#include <algorithm>
#include <exception>

#include "base/http/negotiation.h"
#include "base/http/pending_response.h"
#include "base/http/problem.h"
#include "base/http/route_tree.h"
#include "base/http/target.h"
#include "base/log.h"

namespace sluice::http {

PlainRoute health_route() {
  return {Method::kGet, "/healthz",
          [](const Request&) { return Response::json(200, {{"status", "ok"}}); }};
}

struct Router::Tables {
  std::vector<Contract> contracts;
  RouteTree routes;
  RouterOptions options;

  std::optional<Response> admit(Request& request) const;
  std::optional<Response> check_header(Request& request) const;
  void open_body(const Request& request, Admission& out) const;
  Response answer(Request& request) const;
  Response run(const Route& route, Request& request) const;
  std::optional<Response> authenticate(const Operation& operation, Request& request,
                                       TokenCheck check) const;
  std::optional<Response> refuse(const Operation& operation, Request& request) const;
};

namespace {

std::string allowed_methods(const RouteTree::Methods& methods) {
  std::string out;
  const auto add = [&](Method m) { out.append(out.empty() ? "" : ", ").append(to_string(m)); };
  for (size_t i = 0; i < methods.size(); ++i) {
    if (!methods[i]) continue;
    add(static_cast<Method>(i));
    if (static_cast<Method>(i) == Method::kGet) add(Method::kHead);
  }
  add(Method::kOptions);
  return out;
}

Response unauthorized(std::string_view challenge, std::string_view detail) {
  return Response::problem(401, detail).with("WWW-Authenticate", std::string(challenge));
}

// The token of "Authorization: Bearer TOKEN" (RFC 6750 §2.1).
std::optional<std::string_view> bearer_token(const Headers& headers) {
  constexpr std::string_view kScheme = "Bearer ";
  std::optional<std::string_view> value;
  for (const auto& [name, text] : headers) {
    if (!equal_ignoring_case(name, "Authorization")) continue;
    if (value) return std::nullopt;  // more than one
    value = text;
  }
  if (!value || value->size() <= kScheme.size() ||
      !equal_ignoring_case(value->substr(0, kScheme.size()), kScheme)) {
    return std::nullopt;
  }
  return value->substr(kScheme.size());
}

Response too_many_requests(std::chrono::seconds wait) {
  return Response::problem(429, "this client asks too often")
      .with("Retry-After", std::to_string(wait.count()));
}

Response server_fault() {
  try {
    return Response::problem(500, kServerFault);
  } catch (...) {  // out of memory
    return Response{500, {}, {}};
  }
}

// A reply to HEAD: that to GET without its body.
Response without_body(Response&& reply) {
  reply.headers.set("Content-Length", std::to_string(reply.length()));
  reply.drop_content();
  return std::move(reply);
}

std::optional<Response> check_media_type(const RequestBody& body, const Request& request) {
  const auto type = media_type(request.headers.get("Content-Type").value_or(""));
  if (std::ranges::find(body.media_types, type) == body.media_types.end()) {
    std::string expected;
    for (const auto& t : body.media_types) expected.append(expected.empty() ? "" : ", ").append(t);
    return Response::problem(415,
                             fmt::format("Content-Type must be {}, got \"{}\"", expected, type))
        .with("Accept", expected);
  }
  return std::nullopt;
}

std::optional<Response> check_body(const RequestBody& body, Request& request,
                                   const JsonLimits& limits) {
  if (request.body.empty()) {
    if (!body.required) return std::nullopt;
    return Response::problem(400, "the request needs a body");
  }
  if (auto refusal = check_media_type(body, request)) return refusal;
  const auto type = media_type(request.headers.get("Content-Type").value_or(""));
  if (!is_json_media_type(type)) return std::nullopt;
  if (auto ok = check_json_body(body, request, limits); !ok) return to_response(ok.error());
  return std::nullopt;
}

// Who asks for it again and again, and reads nothing, has no copies made.
Handler fixed_reply(std::string_view media_type, std::string body) {
  Response reply;
  reply.headers.add("Content-Type", media_type);
  reply.shared_body = std::make_shared<const std::string>(std::move(body));
  return [reply = std::move(reply)](const Request&) { return reply; };
}

// GET /api-specs and GET /api-specs/NAME.yaml.
std::vector<PlainRoute> document_routes(const std::vector<Contract>& contracts) {
  std::vector<PlainRoute> out;
  auto list = nlohmann::json::array();
  for (const auto& contract : contracts) {
    const std::string path = "/api-specs/" + contract.name() + ".yaml";
    list.push_back({{"name", contract.name()},
                    {"title", contract.title()},
                    {"basePath", contract.base_path()},
                    {"href", path}});
    out.push_back({Method::kGet, path, fixed_reply("application/yaml", contract.text())});
  }
  out.push_back({Method::kGet, "/api-specs", fixed_reply("application/json", list.dump())});
  return out;
}

}  // namespace

Router::Router(std::unique_ptr<const Tables> tables) : tables_(std::move(tables)) {}
Router::Router(Router&&) noexcept = default;
Router& Router::operator=(Router&&) noexcept = default;
Router::~Router() = default;

Result<Router> Router::build(std::vector<Contract> contracts, Handlers handlers,
                             RouterOptions options) {
  auto tables = std::make_unique<Tables>();
  tables->contracts = std::move(contracts);
  tables->options = std::move(options);
  std::vector<std::string> problems;
  bool needs_authenticator = false;

  Handlers taken;  // an operation has several routes where its document names several servers
  for (const auto& contract : tables->contracts) {
    for (const auto& operation : contract.operations()) {
      taken.insert(handlers.extract(operation.operation_id));
      const auto handler = taken.find(operation.operation_id);
      if (handler == taken.end()) {
        problems.push_back(fmt::format("{} ({} {}) has no handler", operation.operation_id,
                                       to_string(operation.method), operation.path));
        continue;
      }
      needs_authenticator |= operation.secured;
      auto added = tables->routes.add(operation.method, operation.path,
                                      Route{&operation, handler->second, {}});
      if (!added) problems.push_back(added.error().to_string());
    }
  }
  for (const auto& [name, handler] : handlers) problems.push_back(name + " is in no document");
  auto plain = document_routes(tables->contracts);
  std::ranges::move(tables->options.plain_routes, std::back_inserter(plain));
  for (auto& route : plain) {
    auto added =
        tables->routes.add(route.method, route.path, Route{nullptr, std::move(route.handler), {}});
    if (!added) problems.push_back(added.error().to_string());
  }
  if (needs_authenticator && !tables->options.authenticator && !tables->options.allow_anonymous) {
    problems.push_back("operations are secured but there is no authenticator");
  }
  if (!problems.empty()) {
    return fail(ErrorCode::kInvalidArgument, "{}", fmt::join(problems, "; "));
  }
  return Router(std::move(tables));
}

Admission Router::admit(Request& request) const {
  Admission out;
  try {
    out.refusal = tables_->admit(request);
    if (!out.refusal && request.route->operation && request.route->operation->body) {
      out.refusal = check_media_type(*request.route->operation->body, request);
    }
    if (!out.refusal) tables_->open_body(request, out);
  } catch (...) {  // out of memory
    out.refusal = server_fault();
  }
  out.known = request.principal != nullptr;
  if (!out.known) out.max_body = kMaxStrangerBody;
  if (out.refusal && request.method == Method::kHead) {
    out.refusal = without_body(std::move(*out.refusal));
  }
  return out;
}

Response Router::handle(Request&& request) const {
  Response response;
  try {
    response = tables_->answer(request);
  } catch (...) {  // out of memory: whatever a handler threw was caught where it ran
    response = server_fault();
  }
  if (request.method == Method::kHead) response = then(std::move(response), without_body);
  const auto& on_reply = tables_->options.on_reply;
  if (!on_reply || request.operation_id.empty()) return response;
  Call call{request.operation_id, std::move(request.principal), request.body.size()};
  if (!response.pending) {
    on_reply(call, response);
    return response;
  }
  return then(std::move(response), [&on_reply, call = std::move(call)](Response&& reply) {
    on_reply(call, reply);
    return std::move(reply);
  });
}

void Router::Tables::open_body(const Request& request, Admission& out) const {
  const auto opener = options.body_openers.find(request.operation_id);
  if (opener == options.body_openers.end()) return;
  if (auto consumer = opener->second(request)) {
    out.consumer = std::move(*consumer);
  } else {
    out.refusal = std::move(consumer.error());
  }
}

Response Router::Tables::answer(Request& request) const {
  if (!request.route) {
    if (auto refusal = admit(request)) return std::move(*refusal);
  } else if (request.route->operation) {
    // Admitted by its header: what entitled it may have been withdrawn while the body came.
    auto refusal = authenticate(*request.route->operation, request, TokenCheck::kAfterBody);
    if (refusal) return std::move(*refusal);
  }
  const Route& route = *request.route;
  if (route.operation && route.operation->body && !request.consumer) {
    if (auto refusal = check_body(*route.operation->body, request, options.json)) {
      return std::move(*refusal);
    }
  }
  return run(route, request);
}

// Counts the request, once, as its client's or as its address's.
std::optional<Response> Router::Tables::admit(Request& request) const {
  auto* limiter = options.limiter.get();
  if (!limiter) return check_header(request);
  if (const auto wait = limiter->look_at_stranger(request.remote)) return too_many_requests(*wait);
  auto refusal = check_header(request);
  if (request.principal) return refusal;
  if (const auto wait = limiter->take_stranger(request.remote)) return too_many_requests(*wait);
  return refusal;
}

// Everything but the body, and the route of what passes.
std::optional<Response> Router::Tables::check_header(Request& request) const {
  const auto target = parse_target(request.target);
  if (!target) return to_response(target.error());
  if (target->asterisk) {
    if (request.method == Method::kOptions) return Response::no_content();
    return Response::problem(400, "only OPTIONS can be asked of \"*\"");
  }
  std::vector<std::string_view> values;
  const auto* methods = routes.find(target->segments, values);
  if (!methods) return Response::problem(404, "no such resource");
  if (request.method == Method::kOptions) {
    return Response::no_content().with("Allow", allowed_methods(*methods));
  }
  const Method method = request.method == Method::kHead ? Method::kGet : request.method;
  const Route* route = (*methods)[static_cast<size_t>(method)];
  if (!route) {
    const auto allowed = allowed_methods(*methods);
    return Response::problem(405, "this resource supports " + allowed).with("Allow", allowed);
  }
  auto query = Query::parse(target->query);
  if (!query) return to_response(query.error());
  request.query = std::move(*query);
  request.path_params.reserve(values.size());
  for (size_t i = 0; i < values.size(); ++i) {
    request.path_params.emplace_back(route->parameters[i], values[i]);
  }
  if (route->operation) {
    request.operation_id = route->operation->operation_id;
    request.page_size = options.page_size;
    if (auto refusal = refuse(*route->operation, request)) return refusal;
  }
  request.route = route;
  return std::nullopt;
}

// Everything that can keep a request from its handler, cheapest and most telling first: who asks
// comes before what is asked, so that a stranger learns nothing about the resource.
std::optional<Response> Router::Tables::refuse(const Operation& operation, Request& request) const {
  if (auto refusal = authenticate(operation, request, TokenCheck::kAtHeader)) return refusal;
  if (const auto accept = request.headers.joined("Accept");
      accept && !operation.produces.empty() && !accepts(*accept, operation.produces)) {
    return Response::problem(406, "this resource is available as " + operation.produces.front());
  }
  if (auto ok = check_parameters(operation, request); !ok) return to_response(ok.error());
  return std::nullopt;
}

std::optional<Response> Router::Tables::authenticate(const Operation& operation, Request& request,
                                                     TokenCheck check) const {
  if (!operation.secured || !options.authenticator) return std::nullopt;
  const auto token = bearer_token(request.headers);
  if (!token) return unauthorized("Bearer", "this operation needs a bearer token");
  auto principal = options.authenticator(*token, check);
  if (!principal) {
    if (principal.error().code != ErrorCode::kUnauthenticated)
      return to_response(principal.error());
    return unauthorized(R"(Bearer error="invalid_token")", principal.error().message);
  }
  request.principal = std::move(*principal);
  if (options.limiter && check == TokenCheck::kAtHeader) {
    if (const auto wait = options.limiter->take_client(request.principal->subject)) {
      return too_many_requests(*wait);
    }
  }
  for (const auto& scope : operation.scopes) {
    if (request.principal->scopes.contains(scope)) continue;
    return Response::problem(403, "the token lacks the scope " + scope)
        .with("WWW-Authenticate",
              fmt::format(R"(Bearer error="insufficient_scope", scope="{}")", scope));
  }
  return std::nullopt;
}

Response Router::Tables::run(const Route& route, Request& request) const {
  const auto report = [&](std::string_view what) {
    if (options.on_handler_exception) {
      options.on_handler_exception(request.operation_id, what);
    } else {
      spdlog::error("http handler failed operation={} reason=\"{}\"", request.operation_id, what);
    }
    return Response::problem(500, kServerFault);
  };
  try {
    return route.handler(request);
  } catch (const std::exception& e) {
    return report(e.what());
  } catch (...) {
    return report("an exception of unknown type");
  }
}

}  // namespace sluice::http
