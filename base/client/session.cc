#include "base/client/session.h"

#include <fstream>
#include <sstream>

#include "base/printable.h"

namespace sluice::client {
namespace {

using nlohmann::json;
using std::chrono::seconds;
using std::chrono::steady_clock;

// Before a token ends it is replaced: what has begun with it may take a while.
constexpr seconds kTokenReserve{60};

ErrorCode code_of(int status) {
  switch (status) {
    case 401:
      return ErrorCode::kUnauthenticated;
    case 403:
      return ErrorCode::kPermissionDenied;
    case 404:
      return ErrorCode::kNotFound;
    case 409:
      return ErrorCode::kConflict;
    case 412:
      return ErrorCode::kPreconditionFailed;
    case 429:
      return ErrorCode::kResourceExhausted;
    default:
      return status >= 500 ? ErrorCode::kUnavailable : ErrorCode::kInvalidArgument;
  }
}

std::string text_of(const json& object, const char* member) {
  const auto at = object.find(member);
  return at != object.end() && at->is_string() ? at->get<std::string>() : std::string();
}

}  // namespace

Result<Credentials> read_credentials(const std::string& token, const std::string& file) {
  if (!token.empty()) return Credentials{.token = token, .client_id = {}, .client_secret = {}};
  if (file.empty()) {
    return fail(
        ErrorCode::kInvalidArgument,
        "no credentials: name a file with client_id and client_secret, as the server writes it "
        "at its first start (STATE/operator.json)");
  }
  std::ifstream in(file);
  std::stringstream text;
  if (in) text << in.rdbuf();
  if (!in || !text) return fail(ErrorCode::kInvalidArgument, "{}", errno_error(file).message);
  const auto parsed = json::parse(text.str(), nullptr, false);
  Credentials out;
  if (parsed.is_object()) {
    out.client_id = text_of(parsed, "client_id");
    out.client_secret = text_of(parsed, "client_secret");
  }
  if (out.client_id.empty() || out.client_secret.empty()) {
    return fail(ErrorCode::kInvalidArgument, "{} has no client_id and client_secret", file);
  }
  return out;
}

Result<json> json_of(const HttpReply& reply) {
  auto out = json::parse(reply.body, nullptr, false);
  if (out.is_discarded()) {
    return fail(ErrorCode::kInternal, "the server's answer is no JSON; is it one of Sluice's?");
  }
  return out;
}

Error error_of(const HttpReply& reply) {
  const auto problem = json::parse(reply.body, nullptr, false);
  std::string title;
  std::string detail;
  if (problem.is_object()) {
    title = text_of(problem, "title");
    detail = text_of(problem, "detail");
    if (detail.empty()) detail = text_of(problem, "error_description");  // of the token endpoint
  }
  auto message =
      fmt::format("the server answers {}{}{}{}{}", reply.status, title.empty() ? "" : " ",
                  printable(title), detail.empty() ? "" : ": ", printable(detail));
  return {code_of(reply.status), std::move(message), {}};
}

Result<void> Session::ensure_token() {
  if (!credentials_.token.empty()) {
    token_ = credentials_.token;
    return {};
  }
  if (!token_.empty() && steady_clock::now() < renew_at_) return {};
  const auto reply =
      http_.send({.method = "POST",
                  .target = "/oauth2/token",
                  .headers = {{"Content-Type", "application/x-www-form-urlencoded"}},
                  .body = fmt::format("grant_type=client_credentials&client_id={}&client_secret={}",
                                      percent_encoded(credentials_.client_id),
                                      percent_encoded(credentials_.client_secret))});
  if (!reply) return std::unexpected(reply.error());
  if (!reply->ok()) {
    auto error = error_of(*reply);
    if (reply->status == 401) error.message += "; are these credentials this server's?";
    return std::unexpected(std::move(error));
  }
  const auto body = json_of(*reply);
  if (!body) return std::unexpected(body.error());
  token_ = body->is_object() ? text_of(*body, "access_token") : "";
  if (token_.empty()) return fail(ErrorCode::kInternal, "the server gives no token");
  const auto life = seconds(body->value("expires_in", int64_t{0}));
  renew_at_ = steady_clock::now() + (life > 2 * kTokenReserve ? life - kTokenReserve : life / 2);
  return {};
}

Result<HttpReply> Session::send_once(HttpRequest& request) {
  if (auto ok = ensure_token(); !ok) return std::unexpected(ok.error());
  request.headers["Authorization"] = "Bearer " + token_;
  return http_.send(request);
}

Result<HttpReply> Session::send(HttpRequest request) {
  auto reply = send_once(request);
  if (!reply || reply->status != 401 || !credentials_.token.empty()) return reply;
  token_.clear();  // it was withdrawn, or the server is another one now
  return request.source || request.sink ? std::move(reply) : send_once(request);
}

Result<HttpReply> Session::call(HttpRequest request) {
  auto reply = send(std::move(request));
  if (reply && !reply->ok()) return std::unexpected(error_of(*reply));
  return reply;
}

Result<json> Session::get(const std::string& target) {
  const auto reply = call({.target = target, .headers = {{"Accept", "application/json"}}});
  if (!reply) return std::unexpected(reply.error());
  return json_of(*reply);
}

}  // namespace sluice::client
