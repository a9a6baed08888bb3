#include "base/http/router.h"

#include "base/http/pending_response.h"

namespace sluice::http {
namespace {

constexpr std::string_view kContract = R"(
openapi: 3.0.3
info: {title: Test, version: 1.0.0}
servers: [{url: 'https://example.com/api/v1/'}]
security: [{oauth2: [things]}]
paths:
  /things/{thingId}:
    parameters:
      - {name: thingId, in: path, required: true, schema: {type: string, maxLength: 10}}
    get:
      operationId: getThing
      parameters:
        - {name: limit, in: query, schema: {type: integer, minimum: 1}}
        - {name: ids, in: query, schema: {type: array, items: {type: integer}}}
        - {name: deep, in: query, schema: {type: boolean}}
        - {name: X-Level, in: header, schema: {type: integer, maximum: 3}}
      responses:
        '200': {description: It., content: {application/json: {schema: {}}}}
    put:
      operationId: putThing
      requestBody:
        required: true
        content: {application/json: {schema: {$ref: '#/components/schemas/Thing'}}}
      responses:
        '200': {description: It., content: {application/json: {schema: {}}}}
    delete:
      operationId: deleteThing
      security: []
      responses: {'204': {description: Gone.}}
  /things/special:
    get:
      operationId: getSpecial
      security: []
      responses:
        '200': {description: It., content: {application/json: {schema: {}}}}
  /numbers/{n}:
    get:
      operationId: getNumber
      security: []
      parameters:
        - {name: n, in: path, required: true, schema: {type: integer}}
      responses:
        '200': {description: It., content: {application/json: {schema: {}}}}
  /admin:
    get:
      operationId: admin
      security: [{oauth2: [things, admin]}]
      responses: {'204': {description: Done.}}
  /form:
    post:
      operationId: postForm
      security: []
      requestBody: {content: {application/x-www-form-urlencoded: {schema: {type: object}}}}
      responses: {'204': {description: Done.}}
  /throw:
    get:
      operationId: throwIt
      security: []
      responses: {'204': {description: Never.}}
components:
  schemas:
    Thing:
      type: object
      required: [name]
      properties:
        name: {type: string, pattern: '^[a-z]+$'}
        size: {type: integer, minimum: 0, exclusiveMinimum: true, nullable: true}
        home: {type: string, format: uri}
        children: {type: array, items: {$ref: '#/components/schemas/Thing'}}
)";

Response show(const Request& request) {
  auto params = nlohmann::json::object();
  for (const auto& [name, value] : request.path_params) params[std::string(name)] = value;
  nlohmann::json out = {
      {"operation", request.operation_id}, {"params", params}, {"body", request.json}};
  if (request.principal) out["who"] = request.principal->subject;
  return Response::json(200, out);
}

Handlers all_handlers() {
  Handlers handlers;
  for (const char* id : {"getThing", "putThing", "getSpecial", "getNumber"}) handlers[id] = show;
  for (const char* id : {"deleteThing", "admin", "postForm"}) {
    handlers[id] = [](const Request&) { return Response::no_content(); };
  }
  handlers["throwIt"] = [](const Request&) -> Response { throw std::runtime_error("secret"); };
  return handlers;
}

std::vector<Contract> contracts() {
  std::vector<Contract> out;
  out.push_back(*Contract::load("test", kContract));
  return out;
}

// The token is the list of its scopes; "late" has expired.
Result<PrincipalPtr> authenticate(std::string_view token, TokenCheck) {
  if (token == "late") return fail(ErrorCode::kUnauthenticated, "the token has expired");
  Principal principal;
  principal.subject = "tester";
  while (!token.empty()) {
    const auto scope = token.substr(0, token.find('+'));
    token.remove_prefix(std::min(scope.size() + 1, token.size()));
    principal.scopes.emplace(scope);
  }
  return std::make_shared<const Principal>(std::move(principal));
}

Router make_router() {
  RouterOptions options;
  options.authenticator = authenticate;
  options.json.max_depth = 8;
  options.plain_routes.push_back(
      {Method::kGet, "/healthz", [](const Request&) { return Response::no_content(); }});
  return *Router::build(contracts(), all_handlers(), std::move(options));
}

Request request(Method method, std::string target, std::vector<Headers::Field> headers = {},
                std::string body = {}) {
  Request out;
  out.method = method;
  out.target = std::move(target);
  for (auto& [name, value] : headers) out.headers.add(name, value);
  out.body = std::move(body);
  return out;
}

const Headers::Field kToken = {"Authorization", "Bearer things"};
const Headers::Field kJson = {"Content-Type", "application/json"};

struct Case {
  std::string behaviour;
  Request request;
  int status;
  std::string body_part;  // somewhere in the reply
};

TEST(Router, AnswersOrPassesOn) {
  const auto router = make_router();
  const std::string thing = "/api/v1/things/a";
  const auto put = [&](std::string body) {
    return request(Method::kPut, thing, {kToken, kJson}, std::move(body));
  };
  const Case cases[] = {
      {"a handler runs", request(Method::kGet, thing, {kToken}), 200, R"("who":"tester")"},
      {"a literal beats a parameter", request(Method::kGet, "/api/v1/things/special"), 200,
       "getSpecial"},
      {"a parameter is decoded", request(Method::kGet, "/api/v1/things/a%2Fb%20c", {kToken}), 200,
       R"("thingId":"a/b c")"},
      {"absolute form of TLS", request(Method::kGet, "HTTPS://h/api/v1/things/a", {kToken}), 200,
       "a"},
      {"a scheme that is none", request(Method::kGet, "x/http://h/api/v1/things/a", {kToken}), 400,
       ""},
      {"another scheme", request(Method::kGet, "ftp://h/api/v1/things/a", {kToken}), 400, ""},
      {"absolute form", request(Method::kGet, "http://h/api/v1/things/a", {kToken}), 200, "a"},
      {"the scheme of a token has no case",
       request(Method::kGet, thing, {{"authorization", "bearer things"}}), 200, ""},
      {"a valid body", put(R"({"name":"x","size":null,"other":1})"), 200, R"("name":"x")"},
      {"a body with a charset",
       request(Method::kPut, thing, {kToken, {"Content-Type", "application/json; charset=utf-8"}},
               R"({"name":"x"})"),
       200, ""},
      {"no body in reply, so any Accept",
       request(Method::kDelete, thing, {{"Accept", "text/html"}}), 204, ""},
      {"an odd Accept", request(Method::kGet, thing, {kToken, {"Accept", "?"}}), 200, ""},
      {"a form",
       request(Method::kPost, "/api/v1/form",
               {{"Content-Type", "application/x-www-form-urlencoded"}}, "a=b"),
       204, ""},
      {"a body that may be absent", request(Method::kPost, "/api/v1/form"), 204, ""},
      {"a plain route", request(Method::kGet, "/healthz"), 204, ""},
      {"good query", request(Method::kGet, thing + "?limit=5&ids=1,2&ids=3&deep=true", {kToken}),
       200, ""},

      {"unknown path", request(Method::kGet, "/api/v1/nothing"), 404, "no such resource"},
      {"a path below a resource", request(Method::kGet, thing + "/b"), 404, ""},
      {"a path above a resource", request(Method::kGet, "/api/v1/things"), 404, ""},
      {"a trailing slash", request(Method::kGet, thing + "/"), 404, ""},
      {"a double slash", request(Method::kGet, "/api/v1//things/a"), 404, ""},
      {"an empty parameter", request(Method::kGet, "/api/v1/things/"), 404, ""},
      {"dot segments", request(Method::kGet, "/api/v1/things/../things/a"), 400, "dot segments"},
      {"encoded dot segments", request(Method::kGet, "/api/v1/%2e%2e/a"), 400, "dot segments"},
      {"malformed encoding", request(Method::kGet, "/api/v1/things/%zz"), 400, "percent"},
      {"malformed encoding in the query", request(Method::kGet, thing + "?limit=%"), 400,
       "percent"},
      {"unsupported method", request(Method::kPatch, thing), 405, "GET, HEAD, PUT, DELETE"},
      {"no token", request(Method::kGet, thing), 401, "needs a bearer token"},
      {"another scheme", request(Method::kGet, thing, {{"Authorization", "Basic YQ=="}}), 401, ""},
      {"two tokens", request(Method::kGet, thing, {kToken, kToken}), 401, ""},
      {"a bad token", request(Method::kGet, thing, {{"Authorization", "Bearer late"}}), 401,
       "the token has expired"},
      {"no token tells nothing of the request", request(Method::kGet, thing + "?x=1"), 401, ""},
      {"a scope too few", request(Method::kGet, "/api/v1/admin", {kToken}), 403,
       "lacks the scope admin"},
      {"JSON is not accepted", request(Method::kGet, thing, {kToken, {"Accept", "text/html"}}), 406,
       "application/json"},
      {"unknown query parameter", request(Method::kGet, thing + "?colour=red", {kToken}), 400,
       "colour: is not a query parameter"},
      {"ill-typed query parameter", request(Method::kGet, thing + "?limit=x", {kToken}), 400,
       "limit: must be of type integer"},
      {"query parameter out of range", request(Method::kGet, thing + "?limit=0", {kToken}), 400,
       "limit: must be at least 1"},
      {"query parameter twice", request(Method::kGet, thing + "?limit=1&limit=2", {kToken}), 400,
       "limit: may be given only once"},
      {"ill-typed item", request(Method::kGet, thing + "?ids=1,x", {kToken}), 400, "ids: must be"},
      {"ill-typed flag", request(Method::kGet, thing + "?deep=yes", {kToken}), 400,
       "deep: must be"},
      {"header out of range", request(Method::kGet, thing, {kToken, {"x-level", "4"}}), 400,
       "X-Level: must be at most 3"},
      {"ill-typed path parameter", request(Method::kGet, "/api/v1/numbers/x"), 400,
       "n: must be of type integer"},
      {"path parameter too long", request(Method::kGet, "/api/v1/things/abcdefghijk", {kToken}),
       400, "thingId: is too long: at most 10"},
      {"no body", request(Method::kPut, thing, {kToken, kJson}), 400, "needs a body"},
      {"another media type",
       request(Method::kPut, thing, {kToken, {"Content-Type", "text/plain"}}, R"({"name":"x"})"),
       415, "Content-Type must be application/json"},
      {"no media type", request(Method::kPut, thing, {kToken}, R"({"name":"x"})"), 415, ""},
      {"not JSON", put("{\"name\":\n x}"), 400, "not JSON at 2:2"},
      {"a missing member", put("{}"), 400, "name: is required"},
      {"an ill-typed member", put(R"({"name":1})"), 400, "name: must be of type string"},
      {"a member of a member", put(R"({"name":"x","children":[{"name":"y"},{"name":"Z"}]})"), 400,
       "children[1].name: must match"},
      {"not text where a format is named", put(R"({"name":"x","home":[1]})"), 400,
       "home: must be of type string"},
      {"not above the exclusive minimum", put(R"({"name":"x","size":0})"), 400,
       "size: must be more than 0"},
      {"the wrong kind of value", put("[]"), 400, "must be of type object"},
      {"too deep", put(R"({"name":"x","a":[[[[[[[[1]]]]]]]]})"), 400, "nested deeper"},
      {"a text too long for its pattern", put(R"({"name":")" + std::string(100'000, 'x') + "\"}"),
       400, "name: is too long"},
      {"an exception", request(Method::kGet, "/api/v1/throw"), 500, "its log says why"},
  };
  for (const auto& c : cases) {
    const auto reply = router.handle(Request(c.request));
    EXPECT_EQ(reply.status, c.status) << c.behaviour << ": " << reply.body;
    EXPECT_THAT(reply.body, ::testing::HasSubstr(c.body_part)) << c.behaviour;
    if (reply.status >= 400) {
      EXPECT_EQ(reply.headers.get("Content-Type"), "application/problem+json") << c.behaviour;
      EXPECT_EQ(nlohmann::json::parse(reply.body)["status"], c.status) << c.behaviour;
    }
  }
}

TEST(Router, ChallengesByRfc6750) {
  const auto router = make_router();
  const auto challenge = [&](std::vector<Headers::Field> headers) {
    const auto reply = router.handle(request(Method::kGet, "/api/v1/admin", std::move(headers)));
    return std::string(reply.headers.get("WWW-Authenticate").value_or("none"));
  };
  EXPECT_EQ(challenge({}), "Bearer");
  EXPECT_EQ(challenge({{"Authorization", "Bearer late"}}), R"(Bearer error="invalid_token")");
  EXPECT_EQ(challenge({kToken}), R"(Bearer error="insufficient_scope", scope="admin")");
  EXPECT_EQ(challenge({{"Authorization", "Bearer things+admin"}}), "none");
}

TEST(Router, TellsWhatIsAllowed) {
  const auto router = make_router();
  constexpr std::string_view kAllowed = "GET, HEAD, PUT, DELETE, OPTIONS";
  const auto refused = router.handle(request(Method::kPost, "/api/v1/things/a"));
  EXPECT_EQ(refused.status, 405);
  EXPECT_EQ(refused.headers.get("Allow"), kAllowed);
  const auto asked = router.handle(request(Method::kOptions, "/api/v1/things/a"));
  EXPECT_EQ(asked.status, 204);
  EXPECT_EQ(asked.headers.get("Allow"), kAllowed);
  EXPECT_EQ(router.handle(request(Method::kOptions, "*")).status, 204);
  EXPECT_EQ(router.handle(request(Method::kGet, "*")).status, 400);
  EXPECT_EQ(router.handle(request(Method::kOptions, "/nothing")).status, 404);
}

TEST(Router, HeadIsGetWithoutItsBody) {
  const auto router = make_router();
  for (const char* path : {"/api/v1/things/special", "/nothing"}) {
    const auto get = router.handle(request(Method::kGet, path));
    const auto head = router.handle(request(Method::kHead, path));
    EXPECT_EQ(head.status, get.status);
    EXPECT_TRUE(head.body.empty());
    EXPECT_EQ(head.headers.get("Content-Length"), std::to_string(get.body.size()));
  }
}

TEST(Router, ServesItsDocuments) {
  const auto router = make_router();
  const auto list =
      nlohmann::json::parse(router.handle(request(Method::kGet, "/api-specs")).content());
  ASSERT_EQ(list.size(), 1U);
  EXPECT_EQ(list[0]["basePath"], "/api/v1");
  const auto document = router.handle(request(Method::kGet, list[0]["href"]));
  EXPECT_EQ(document.content(), kContract);
  EXPECT_EQ(document.headers.get("Content-Type"), "application/yaml");
}

TEST(Router, ReportsExceptionsToItsOwner) {
  RouterOptions options;
  options.allow_anonymous = true;
  std::string reported;
  options.on_handler_exception = [&](std::string_view operation, std::string_view what) {
    reported = fmt::format("{}: {}", operation, what);
  };
  const auto router = *Router::build(contracts(), all_handlers(), std::move(options));
  EXPECT_EQ(router.handle(request(Method::kGet, "/api/v1/throw")).status, 500);
  EXPECT_EQ(reported, "throwIt: secret");
}

TEST(Router, AsksForTheTokenAgainWhenTheBodyIsThere) {
  std::vector<TokenCheck> asked;
  bool withdrawn = false;
  RouterOptions options;
  options.authenticator = [&](std::string_view token, TokenCheck check) -> Result<PrincipalPtr> {
    asked.push_back(check);
    if (withdrawn) return fail(ErrorCode::kUnauthenticated, "withdrawn");
    return authenticate(token, check);
  };
  const auto router = *Router::build(contracts(), all_handlers(), std::move(options));
  for (const bool withdraw : {false, true}) {
    asked.clear();
    withdrawn = false;
    auto put = request(Method::kPut, "/api/v1/things/a", {kToken, kJson}, R"({"name":"x"})");
    ASSERT_FALSE(router.admit(put).refusal);
    withdrawn = withdraw;
    EXPECT_EQ(router.handle(std::move(put)).status, withdraw ? 401 : 200);
    EXPECT_THAT(asked, ::testing::ElementsAre(TokenCheck::kAtHeader, TokenCheck::kAfterBody));
  }
}

TEST(Router, TellsOfEveryAnsweredCall) {
  std::vector<std::string> told;
  RouterOptions options;
  options.authenticator = authenticate;
  options.on_reply = [&](const Call& call, const Response& reply) {
    told.push_back(fmt::format("{} {} {} {} {}", call.operation_id,
                               call.principal ? call.principal->subject : "-", reply.status,
                               call.request_bytes, reply.body.size()));
  };
  auto handlers = all_handlers();
  const auto later = std::make_shared<PendingResponse>();
  handlers["getSpecial"] = [&](const Request&) { return deferred(later); };
  const auto router = *Router::build(contracts(), std::move(handlers), std::move(options));
  router.handle(request(Method::kGet, "/nothing"));  // no operation
  router.handle(request(Method::kDelete, "/api/v1/things/1"));
  router.handle(request(Method::kGet, "/api/v1/admin", {{"Authorization", "Bearer things+admin"}}));
  EXPECT_EQ(told, (std::vector<std::string>{"deleteThing - 204 0 0", "admin tester 204 0 0"}));
  auto response = router.handle(request(Method::kGet, "/api/v1/things/special", {}, "abc"));
  EXPECT_EQ(told.size(), 2U);
  later->resolve(Response{200, {}, "12345"});
  EXPECT_EQ(await(std::move(response)).status, 200);
  EXPECT_EQ(told.back(), "getSpecial - 200 3 5");
}

TEST(Router, WithoutAuthenticationEverybodyMayCallOnlyIfThatIsSaid) {
  EXPECT_FALSE(Router::build(contracts(), all_handlers(), {}));
  RouterOptions options;
  options.allow_anonymous = true;
  const auto router = Router::build(contracts(), all_handlers(), std::move(options));
  ASSERT_TRUE(router);
  EXPECT_EQ(router->handle(request(Method::kGet, "/api/v1/things/a")).status, 200);
}

TEST(Router, RefusesToBeBuiltWithAllThatDoesNotFit) {
  auto handlers = all_handlers();
  handlers.erase("getThing");
  handlers.erase("admin");
  handlers["nobodyAsked"] = show;
  RouterOptions options;
  options.authenticator = authenticate;
  options.plain_routes.push_back({Method::kGet, "/api-specs", show});
  const auto router = Router::build(contracts(), std::move(handlers), std::move(options));
  ASSERT_FALSE(router);
  for (const char* part : {"getThing (GET /api/v1/things/{thingId}) has no handler",
                           "admin (GET /api/v1/admin) has no handler",
                           "nobodyAsked is in no document", "GET /api-specs is routed twice"}) {
    EXPECT_THAT(router.error().message, ::testing::HasSubstr(part));
  }
}

TEST(Router, ServesUnderThePathsOfAllServers) {
  auto contract = Contract::load("two", R"(
openapi: 3.0.3
info: {title: Test, version: 1.0.0}
servers: [{url: /a/v2}, {url: 'http://example.com/a/v1'}]
paths: {'/x/{id}': {get: {operationId: getX, parameters: [{name: id, in: path, required: true, schema: {}}],
                        responses: {'204': {description: Done.}}}}}
)");
  ASSERT_TRUE(contract) << contract.error().to_string();
  EXPECT_EQ(contract->base_path(), "/a/v2");
  std::vector<Contract> contracts;
  contracts.push_back(std::move(*contract));
  auto router = Router::build(
      std::move(contracts),
      {{"getX", [](const Request& r) { return Response{200, {}, r.path_param("id")}; }}}, {});
  ASSERT_TRUE(router) << router.error().to_string();
  for (const auto& [target, status] :
       {std::pair("/a/v2/x/7", 200), std::pair("/a/v1/x/7", 200), std::pair("/a/v3/x/7", 404)}) {
    Request request;
    request.target = target;
    EXPECT_EQ(router->handle(std::move(request)).status, status) << target;
  }
}

TEST(Contract, ErrorsNameThePlaceInTheDocument) {
  const std::string head = "openapi: 3.0.3\ninfo: {title: T, version: 1.0.0}\n";
  const std::string get = "paths: {/a: {get: {operationId: a, responses: {}, ";
  const std::pair<std::string, std::string> cases[] = {
      {"openapi: 2.0.0\n", "t: OpenAPI 2.0.0 is not supported"},
      {"a: [", "t: "},
      {"[]", "t: not an OpenAPI document"},
      {head, "t: not an OpenAPI document: "},
      {head + "paths: {/a: {get: {responses: {}}}}", "t: not an OpenAPI document: "},
      {head + get + "parameters: [{$ref: '#/components/parameters/X'}]}}}",
       "t: get /a: #/components/parameters/X: does not exist"},
      {head + get + "parameters: [{name: c, in: cookie, schema: {}}]}}}",
       "t: get /a: c: parameters in \"cookie\" are not supported"},
      {head + get + "security: [{x: []}, {y: []}]}}}",
       "t: get /a: security: alternative requirements are not supported"},
      {head + get + "requestBody: {content: {application/json: {schema: {$ref: '#/nowhere'}}}}}}}",
       "t: get /a: schema: "},
  };
  for (const auto& [yaml, beginning] : cases) {
    const auto contract = Contract::load("t", yaml);
    ASSERT_FALSE(contract) << yaml;
    EXPECT_THAT(contract.error().to_string(), ::testing::StartsWith(beginning)) << yaml;
  }
}

}  // namespace
}  // namespace sluice::http
