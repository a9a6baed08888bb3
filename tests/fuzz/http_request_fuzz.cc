// Arbitrary bytes as an HTTP/1.1 connection: never a crash, and never two readings of one stream.
// The requests that come out must not depend on how the bytes were split, or what a proxy forwards
// in one piece could mean something else here (request smuggling).
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "base/http/http1_connection.h"
#include "base/http/negotiation.h"
#include "base/http/target.h"

namespace {

using namespace sluice::http;

struct Seen {
  std::vector<std::string> requests;
  bool finished = false;
  bool operator==(const Seen&) const = default;
};

Seen serve(std::string_view stream, size_t piece) {
  Seen seen;
  const Service service{[&](Request&& request) {
    seen.requests.push_back(std::string(to_string(request.method)) + request.target + '\n' +
                            request.body);
    if (const auto target = parse_target(request.target)) (void)Query::parse(target->query);
    (void)accepts(request.headers.joined("Accept").value_or(""), {"application/json"});
    return Response::no_content();
  }};
  ParserLimits limits;
  limits.max_request_line = 256;
  limits.max_header = 512;
  limits.max_header_fields = 8;
  limits.max_body = 128;
  Http1Connection connection(limits, {service, "fuzz", false, {}});
  std::string out;
  while (!stream.empty() && !connection.finished()) {
    const auto next = stream.substr(0, piece);
    stream.remove_prefix(next.size());
    connection.feed(next);
    connection.serve(out, static_cast<size_t>(-1));
  }
  seen.finished = connection.finished();
  return seen;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view stream(reinterpret_cast<const char*>(data), size);
  const auto whole = serve(stream, size + 1);
  for (const size_t piece : {size_t{1}, size_t{5}}) {
    if (serve(stream, piece) != whole) std::abort();
  }
  return 0;
}
