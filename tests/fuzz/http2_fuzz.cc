// Arbitrary bytes behind the preface of HTTP/2: never a crash, and bounded memory; whatever the
// stream is, the sums over its requests come out even.
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/http/negotiating_connection.h"
#include "base/http/pending_response.h"

namespace {

using namespace sluice::http;

constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string stream(kPreface);
  stream.append(reinterpret_cast<const char*>(data), size);

  std::vector<uint32_t> deferred_tickets;
  Service service;
  service.handle = [](Request&& request) {
    if (request.method == Method::kPut) return deferred(std::make_shared<PendingResponse>());
    return Response{200, {}, request.target + request.body};
  };
  service.admit = [](Request& request) {
    Admission admission;
    admission.known = request.headers.has("authorization");
    admission.max_body = 256;
    if (request.target.starts_with("/refused")) admission.refusal = Response::problem(401, "no");
    return admission;
  };
  TransportLimits limits;
  limits.parser = {
      .max_request_line = 256, .max_header = 512, .max_header_fields = 8, .max_body = 512};
  limits.max_streams = 8;
  limits.max_unread = 4096;
  const auto connection = make_negotiating_connection(
      limits, {service, "fuzz", true, [&](uint32_t ticket, std::shared_ptr<PendingResponse>) {
                 deferred_tickets.push_back(ticket);
               }});
  std::string out;
  ServerConnection::TimePoint now{std::chrono::hours(1)};
  const size_t piece = size % 7 == 0 ? 1 : 64;
  for (std::string_view rest = stream; !rest.empty() && !connection->finished();) {
    const auto next = rest.substr(0, piece);
    rest.remove_prefix(next.size());
    connection->feed(next);
    connection->serve(out, static_cast<size_t>(-1));
    if (connection->held().total() > limits.max_streams * limits.parser.max_body) std::abort();
    if (connection->held().total() > 0 && !connection->reading_body()) std::abort();
    out.clear();
    if (deferred_tickets.size() > 3) {
      for (const auto ticket : std::exchange(deferred_tickets, {})) {
        connection->complete(ticket, Response{200, {}, "late"});
      }
    }
    connection->tick(now += std::chrono::seconds(1));
  }
  connection->overload(false, out);
  connection->time_out(out);
  if (connection->reading_body() || !connection->finished()) std::abort();
  return 0;
}
