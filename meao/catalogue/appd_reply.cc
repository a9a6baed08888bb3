#include "meao/catalogue/appd_reply.h"

#include "app-package/zip_writer.h"
#include "base/http/negotiation.h"
#include "base/http/problem.h"
#include "base/rest/list_query.h"

namespace sluice::meao {
namespace {

using http::Response;

Response json_reply(const http::Request& request, const PackageRecord& record) {
  static const rest::ListOptions kOptions{
      .id_member = "appDId",
      .excluded_by_default = {"virtualComputeDescriptor", "swImageDescriptor",
                              "virtualStorageDescriptor", "appExtCpd",
                              "terminateAppInstanceOpConfig", "changeAppInstanceStateOpConfig"}};
  auto query = rest::ListQuery::parse(request.query, kOptions);
  if (!query) return http::to_response(query.error());
  auto appd = record.appd;
  if (query->filter && !query->filter->matches(appd)) {
    return Response::problem(404, "the filter does not admit the descriptor");
  }
  // MEC 010-2 §7.3.6.3.2 leaves members out of lists; who reads one descriptor wants all of it.
  const bool selected = request.query.has("fields") || request.query.has("exclude_fields") ||
                        request.query.has("exclude_default");
  if (selected) query->selector.apply({&appd, 1});
  return Response::json(200, appd);
}

}  // namespace

Response appd_reply(const http::Request& request, const PackageRecord& record) {
  const auto accept = request.headers.joined("Accept").value_or("");
  for (const auto* type : {"application/json", "text/plain", "application/yaml"}) {
    if (!http::accepts(accept, {type})) continue;
    if (std::string_view(type) == "application/json") return json_reply(request, record);
    Response out{200, {}, record.appd_text};
    out.headers.add("Content-Type", type);
    return out;
  }
  auto archive = app_package::zip_of(record.appd_path, record.appd_text);
  if (!archive) return http::to_response(archive.error());
  Response out{200, {}, std::move(*archive)};
  out.headers.add("Content-Type", "application/zip");
  return out;
}

}  // namespace sluice::meao
