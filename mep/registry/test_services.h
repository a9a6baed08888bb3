// Services for tests.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "mep/registry/records.h"

namespace sluice::mep::registry {

inline nlohmann::json test_transport() {
  return {{"id", "own"},
          {"name", "REST"},
          {"type", "REST_HTTP"},
          {"protocol", "HTTP"},
          {"version", "2.0"},
          {"endpoint", {{"uris", {"http://10.9.0.2/api"}}}},
          {"security", nlohmann::json::object()}};
}

inline nlohmann::json test_service(const std::string& name = "video") {
  return {{"serName", name},
          {"version", "1.0"},
          {"state", "ACTIVE"},
          {"serializer", "JSON"},
          {"transportInfo", test_transport()}};
}

inline nlohmann::json test_category(const std::string& id = "media") {
  return {{"href", "/catalogue/" + id}, {"id", id}, {"name", id}, {"version", "1"}};
}

inline ServiceRecord test_record(const nlohmann::json& service = test_service(),
                                 const std::string& owner = "app-1") {
  ServiceRecord out;
  out.owner = owner;
  out.info = service_from_json(service).value();
  return out;
}

}  // namespace sluice::mep::registry
