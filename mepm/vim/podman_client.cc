#include "mepm/vim/podman_client.h"

#include "base/printable.h"

namespace sluice::mepm {
namespace {

using nlohmann::json;

constexpr const char* kBase = "/v4.0.0/libpod";
constexpr size_t kMostReply = 8 << 20;

ErrorCode code_of(int status) {
  switch (status) {
    case 404:
      return ErrorCode::kNotFound;
    case 409:
      return ErrorCode::kConflict;
    default:
      return status >= 500 ? ErrorCode::kInternal : ErrorCode::kInvalidArgument;
  }
}

Error error_of(const client::HttpRequest& request, const client::HttpReply& reply) {
  const auto body = json::parse(reply.body, nullptr, false);
  std::string why = fmt::format("status {}", reply.status);
  if (body.is_object() && body.contains("message") && body["message"].is_string()) {
    why = body["message"].get<std::string>();
  }
  const auto path = request.target.substr(std::string_view(kBase).size());
  return {code_of(reply.status),
          fmt::format("podman: {} {}: {}", request.method, path.substr(0, path.find('?')),
                      printable(why)),
          {}};
}

}  // namespace

Result<client::HttpReply> PodmanClient::call(client::HttpRequest request, int expected,
                                             std::chrono::seconds longest) const {
  // A connection each: calls may take as long as a container takes to stop.
  auto http = client::HttpClient::open({.uri = "http://localhost",
                                        .plain_http = true,
                                        .unix_socket = socket_,
                                        .user_agent = "sluice-mepm",
                                        .stall_timeout_s = static_cast<long>(longest.count()),
                                        .longest_s = static_cast<long>(longest.count()),
                                        .max_reply = kMostReply});
  if (!http) return std::unexpected(http.error());
  request.target = kBase + request.target;
  request.progress = [this](uint64_t) { return !interrupted_; };
  auto reply = http->send(request);
  if (!reply) {
    return fail(ErrorCode::kUnavailable, "podman at {}: {}", socket_, reply.error().message);
  }
  if (!reply->ok() && reply->status != expected) return std::unexpected(error_of(request, *reply));
  return reply;
}

Result<json> PodmanClient::get(const std::string& path) const {
  const auto reply = call({.target = path});
  if (!reply) return std::unexpected(reply.error());
  auto out = json::parse(reply->body, nullptr, false);
  if (out.is_discarded()) return fail(ErrorCode::kInternal, "podman: {} gives no JSON", path);
  return out;
}

Result<json> PodmanClient::post(const std::string& path, const json& body) const {
  const auto reply = call({.method = "POST",
                           .target = path,
                           .headers = {{"Content-Type", "application/json"}},
                           .body = body.dump()});
  if (!reply) return std::unexpected(reply.error());
  auto out = json::parse(reply->body, nullptr, false);
  if (out.is_discarded()) return fail(ErrorCode::kInternal, "podman: {} gives no JSON", path);
  return out;
}

std::string text_of(const json& object, const char* member) {
  if (!object.is_object()) return {};
  const auto at = object.find(member);
  return at != object.end() && at->is_string() ? at->get<std::string>() : std::string();
}

std::string text_of_frames(std::string_view frames) {
  constexpr size_t kHeader = 8;
  std::string out;
  while (frames.size() >= kHeader) {
    size_t size = 0;
    for (size_t i = 4; i < kHeader; ++i) size = size << 8 | static_cast<unsigned char>(frames[i]);
    frames.remove_prefix(kHeader);
    out += frames.substr(0, size);
    frames.remove_prefix(std::min(size, frames.size()));
  }
  return out;
}

}  // namespace sluice::mepm
