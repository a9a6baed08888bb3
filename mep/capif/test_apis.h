// Service APIs for tests.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "mep/capif/description.h"

namespace sluice::mep::capif {

inline nlohmann::json test_profile(const std::string& aef_id = "aef-1") {
  return {{"aefId", aef_id},
          {"protocol", "HTTP_2"},
          {"dataFormat", "JSON"},
          {"versions",
           {{{"apiVersion", "v1"},
             {"resources",
              {{{"resourceName", "tiles"}, {"commType", "REQUEST_RESPONSE"}, {"uri", "/t"}}}}}}},
          {"interfaceDescriptions", {{{"ipv4Addr", "10.9.0.2"}, {"port", 8443}}}}};
}

inline nlohmann::json test_api(const std::string& name = "maps") {
  return {{"apiName", name},
          {"description", "for people who are lost"},
          {"aefProfiles", nlohmann::json::array({test_profile()})}};
}

}  // namespace sluice::mep::capif
