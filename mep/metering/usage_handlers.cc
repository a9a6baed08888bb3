#include "mep/metering/usage_handlers.h"

#include <charconv>

#include "base/http/etag.h"
#include "base/http/pending_response.h"
#include "base/http/problem.h"
#include "base/log.h"

namespace sluice::mep {
namespace {

using http::Request;
using http::Response;

Response get_next(const UsageMeter& meter, const std::string& source, const Request& request) {
  const auto batch = meter.next();
  if (!batch) return Response::no_content();
  auto body = usage_batch_to_api(batch->value);
  body["source"] = source;
  return tagged_response(request, body, http::etag_of(batch->revision));
}

Response acknowledge(UsageMeter& meter, const Request& request) {
  const auto& text = request.path_param("sequence");
  uint64_t sequence = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), sequence);
  if (error != std::errc() || end != text.data() + text.size()) {
    return Response::problem(404, "there is no such batch");
  }
  const auto pending = std::make_shared<http::PendingResponse>();
  meter.acknowledge(sequence, [pending, sequence](const Result<void>& done) {
    if (done) spdlog::info("mm5 usage batch acknowledged sequence={}", sequence);
    pending->resolve(done ? Response::no_content() : http::to_response(done.error()));
  });
  return http::deferred(pending);
}

}  // namespace

http::Handlers usage_handlers(UsageMeter& meter, std::string source) {
  return {{"getNextUsageBatch",
           [&meter, source](const Request& r) { return get_next(meter, source, r); }},
          {"acknowledgeUsageBatch", [&meter](const Request& r) { return acknowledge(meter, r); }}};
}

}  // namespace sluice::mep
