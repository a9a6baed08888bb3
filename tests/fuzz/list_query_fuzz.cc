// Any bytes as the query of a GET of a list: refused with the parameter's name and a reason, or
// carried out on items of every shape without losing what identifies them.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "base/rest/list_reply.h"

using namespace sluice;

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

std::vector<nlohmann::json> items() {
  static const auto kItems = nlohmann::json::parse(R"([
    {"id": "a", "state": "ACTIVE", "priority": 10, "on": true, "since": "2026-01-02T03:04:05Z",
     "filter": [{"port": [80, 443], "name": "it's"}, {"port": []}], "map": {"k": {"n": 1}}},
    {"id": "b", "state": "", "priority": -2.5, "on": false, "nothing": null, "grid": [[1], [[2]]]},
    {"id": "c"}])");
  return kItems.get<std::vector<nlohmann::json>>();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  auto query = http::Query::parse(text);
  if (!query) return 0;
  http::Request request;
  request.target = "/items?" + std::string(text);
  request.query = std::move(*query);
  request.page_size = 1;
  const auto response =
      rest::list_reply(request, items(), {.id_member = "id", .excluded_by_default = {"map/k"}});
  const auto body = nlohmann::json::parse(response.body);
  if (response.status == 400) {
    require(body["detail"].get_ref<const std::string&>().find(": ") != std::string::npos);
    return 0;
  }
  require(response.status == 200 && body.size() <= 1);
  for (const auto& item : body) require(item["id"].is_string());
  require(!response.headers.has("Link") || body.size() == 1);
  return 0;
}
