#include "base/http/server_connection.h"

namespace sluice::http {
namespace {

Response no_room(Method method) {
  return transport_refusal(503, "too many replies are waiting to be read", method);
}

}  // namespace

// A proxy appends the address it sees, so the last one is what the trusted proxy says; those before
// it are the client's own words.
void ConnectionHost::identify(Request& request) const {
  request.remote = peer;
  if (!peer_is_proxy) return;
  const auto forwarded = request.headers.joined("X-Forwarded-For");
  if (!forwarded) return;
  auto last = std::string_view(*forwarded);
  last.remove_prefix(last.rfind(',') + 1);  // npos + 1 is 0
  while (last.starts_with(' ')) last.remove_prefix(1);
  while (last.ends_with(' ')) last.remove_suffix(1);
  if (!last.empty()) request.remote = last;
}

Response ConnectionHost::handle(Request&& request) const {
  const auto method = request.method;
  if (replies && replies->free() == 0) return no_room(method);
  auto response = service.handle(std::move(request));
  fit(response, method);
  return response;
}

void ConnectionHost::fit(Response& response, Method method) const {
  const bool safe = method == Method::kGet || method == Method::kHead || method == Method::kOptions;
  if (replies && safe && !response.pending && response.body.size() > replies->free()) {
    response = no_room(method);
  }
}

Response transport_refusal(int status, std::string_view detail, Method method) {
  auto response = Response::problem(status, detail);
  if (status == 405) {
    response.headers.set("Allow", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
  }
  if (status == 503) response.headers.set("Retry-After", "1");
  if (method == Method::kHead) {
    response.headers.set("Content-Length", std::to_string(response.body.size()));
    response.body.clear();
  }
  return response;
}

}  // namespace sluice::http
