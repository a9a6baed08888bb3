#include "base/http/server_connection.h"

namespace sluice::http {

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
