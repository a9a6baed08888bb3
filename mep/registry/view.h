// Services as the API shows them: with ids, links and the transport that is meant.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "mep/registry/records.h"

namespace sluice::mep::registry {

// The URIs of the API's resources, absolute. `base` is the platform's public URI, no final slash.
class Links {
 public:
  explicit Links(std::string_view base_uri)
      : api_(std::string(base_uri) + "/mec_service_mgmt/v1") {}

  std::string service(std::string_view id) const;
  std::string own_service(std::string_view app_instance_id, std::string_view id) const;
  std::string liveness(std::string_view app_instance_id, std::string_view id) const;
  std::string subscriptions(std::string_view app_instance_id) const;

 private:
  std::string application(std::string_view app_instance_id) const;

  std::string api_;
};

// ServiceInfo (§8.1.2.2). `transport` is what consumers use; `self` is the resource that shows it.
nlohmann::json service_view(const std::string& id, const ServiceRecord& record,
                            const TransportInfo& transport, const Links& links, std::string self);

}  // namespace sluice::mep::registry
