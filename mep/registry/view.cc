#include "mep/registry/view.h"

#include "base/http/percent.h"

namespace sluice::mep::registry {

std::string Links::application(std::string_view app_instance_id) const {
  return fmt::format("{}/applications/{}", api_, http::percent_encode(app_instance_id));
}

std::string Links::service(std::string_view id) const {
  return fmt::format("{}/services/{}", api_, id);
}

std::string Links::own_service(std::string_view app_instance_id, std::string_view id) const {
  return fmt::format("{}/services/{}", application(app_instance_id), id);
}

std::string Links::liveness(std::string_view app_instance_id, std::string_view id) const {
  return own_service(app_instance_id, id) + "/liveness";
}

std::string Links::subscriptions(std::string_view app_instance_id) const {
  return application(app_instance_id) + "/subscriptions";
}

nlohmann::json service_view(const std::string& id, const ServiceRecord& record,
                            const TransportInfo& transport, const Links& links, std::string self) {
  auto out = to_json(record.info);
  out.erase("transportId");  // for requests only
  out["serInstanceId"] = id;
  out["state"] = to_string(record.state());
  out["transportInfo"] = to_json(transport);
  out["_links"]["self"]["href"] = std::move(self);
  if (record.beats()) out["_links"]["liveness"]["href"] = links.liveness(record.owner, id);
  return out;
}

}  // namespace sluice::mep::registry
