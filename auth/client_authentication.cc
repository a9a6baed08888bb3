#include "auth/client_authentication.h"

#include <algorithm>
#include <chrono>
#include <optional>
#include <set>

#include "auth/base64.h"
#include "base/http/percent.h"

namespace sluice::auth {
namespace {

using http::Response;

// Anybody may post a form: what it costs to read is bounded before it is read.
constexpr size_t kMaxFormSize = 8 * 1024;
constexpr std::ptrdiff_t kMaxFormItems = 32;
// No client has a longer id (identifiers end at 128 characters); longer ones share an entry.
constexpr size_t kMaxCountedId = 128;
constexpr std::string_view kBasic = "Basic ";

struct Credentials {
  std::string id;
  std::string secret;
};

// RFC 6749 §3.2: parameters must not come twice; unknown ones are ignored.
bool has_repeated(const http::Query& form) {
  std::set<std::string_view> names;
  return std::ranges::any_of(form,
                             [&](const auto& item) { return !names.insert(item.first).second; });
}

bool is_too_large(std::string_view form) {
  return form.size() > kMaxFormSize || std::ranges::count(form, '&') >= kMaxFormItems;
}

std::optional<Credentials> from_basic(std::string_view authorization) {
  const auto decoded = from_base64(authorization.substr(kBasic.size()));
  if (!decoded) return std::nullopt;
  const auto colon = decoded->find(':');
  if (colon == std::string::npos) return std::nullopt;
  // RFC 6749 §2.3.1: both parts are form-encoded before they become user and password.
  const std::string_view text = *decoded;
  auto id = http::percent_decode(text.substr(0, colon), http::PlusIs::kSpace);
  auto secret = http::percent_decode(text.substr(colon + 1), http::PlusIs::kSpace);
  if (!id || !secret) return std::nullopt;
  return Credentials{std::move(*id), std::move(*secret)};
}

std::optional<Credentials> from_form(const http::Query& form) {
  const auto id = form.get("client_id");
  const auto secret = form.get("client_secret");
  if (!id || !secret) return std::nullopt;
  return Credentials{std::string(*id), std::string(*secret)};
}

}  // namespace

Response with_no_store(Response response) {
  response.headers.set("Cache-Control", "no-store");  // RFC 6749 §5.1
  response.headers.set("Pragma", "no-cache");
  return response;
}

Response oauth_error(int status, std::string_view error, std::string_view description) {
  return with_no_store(
      Response::json(status, {{"error", error}, {"error_description", description}}));
}

std::expected<http::Query, Response> read_form(const http::Request& request) {
  if (is_too_large(request.body)) {
    return std::unexpected(oauth_error(
        400, "invalid_request",
        fmt::format("the form may have {} bytes and {} parameters", kMaxFormSize, kMaxFormItems)));
  }
  auto form = http::Query::parse(request.body);
  if (!form || has_repeated(*form)) {
    return std::unexpected(
        oauth_error(400, "invalid_request", "the body must be a form, each parameter once"));
  }
  return std::move(*form);
}

std::expected<AuthenticatedClient, Response> ClientAuthentication::authenticate(
    const http::Request& request, const http::Query& form) {
  const auto authorization = request.headers.get("Authorization");
  const bool basic = authorization && authorization->size() > kBasic.size() &&
                     http::equal_ignoring_case(authorization->substr(0, kBasic.size()), kBasic);
  if (authorization && !basic) return std::unexpected(refuse({}));
  if (basic && form.has("client_secret")) {
    return std::unexpected(
        oauth_error(400, "invalid_request", "authenticate in one way, not in two"));
  }
  const auto credentials = basic ? from_basic(*authorization) : from_form(form);
  if (!credentials) return std::unexpected(refuse({}));
  auto client = clients_.find(credentials->id);
  // An unknown client costs the same time as a wrong secret, so that names cannot be probed.
  const Client nobody;
  const auto now =
      std::chrono::floor<std::chrono::milliseconds>(clock_.wall()).time_since_epoch().count();
  const auto* secret = (client ? *client : nobody).matching(credentials->secret, now);
  if (!client || secret == nullptr) return std::unexpected(refuse(credentials->id));
  const auto shown = *secret;
  return AuthenticatedClient{std::move(*client), shown};
}

// Slows down who fails, and only then: a right secret is always served. At 256 bits guessing is
// hopeless anyway, while a lock-out would hand everybody a switch to turn a client off.
Response ClientAuthentication::refuse(std::string_view client_id) {
  if (client_id.size() > kMaxCountedId) client_id = {};
  if (const auto wait = failures_.take(client_id)) {
    auto slow_down = oauth_error(429, "temporarily_unavailable", "too many failed attempts");
    slow_down.headers.set("Retry-After", std::to_string(wait->count()));
    return slow_down;
  }
  auto refusal = oauth_error(401, "invalid_client", "unknown client or wrong secret");
  // RFC 9110 §15.5.2 asks for it in every 401.
  refusal.headers.set("WWW-Authenticate", R"(Basic realm="token")");
  return refusal;
}

}  // namespace sluice::auth
