#include "mepm/agent/app_plan.h"

#include <algorithm>
#include <set>

#include "app-package/descriptor.h"

namespace sluice::mepm {
namespace {

using nlohmann::json;

constexpr uint64_t kMega = 1'000'000;

const json& list_of(const json& object, const char* member) {
  static const auto kNone = json::array();
  const auto found = object.find(member);
  return found == object.end() || !found->is_array() ? kNone : *found;
}

std::string text_of(const json& object, const char* member) {
  const auto at = object.find(member);
  return at != object.end() && at->is_string() ? at->get<std::string>() : std::string();
}

// The environment that every container gets; its own may not be called so.
constexpr const char* kInstanceId = "APP_INSTANCE_ID";
constexpr const char* kPlatformUri = "MEC_PLATFORM_URI";
constexpr const char* kClientId = "MEC_CLIENT_ID";
constexpr const char* kClientSecret = "MEC_CLIENT_SECRET";

struct BootData {
  std::map<std::string, std::string> environment;
  std::optional<Probe> liveness;
  bool ready_by_manager = false;
};

Result<Probe> probe_of(const json& liveness) {
  Probe out;
  const auto wrong = [] {
    return bad_field("bootData.liveness",
                     "has to be {{\"http\": {{\"port\": …, \"path\": \"/…\"}}}} or "
                     "{{\"command\": [\"…\"]}}");
  };
  if (!liveness.is_object() || liveness.size() != 1) return wrong();
  if (const auto http = liveness.find("http"); http != liveness.end()) {
    if (!http->is_object() || http->size() != 2 || !http->contains("port")) return wrong();
    const auto& port = (*http)["port"];
    out.http_path = text_of(*http, "path");
    if (!port.is_number_unsigned() || port.get<uint64_t>() < 1 || port.get<uint64_t>() > 65'535 ||
        !out.http_path.starts_with('/')) {
      return wrong();
    }
    out.http_port = port.get<uint16_t>();
    return out;
  }
  for (const auto& word : list_of(liveness, "command")) {
    if (!word.is_string()) return wrong();
    out.command.push_back(word.get<std::string>());
  }
  if (out.command.empty()) return wrong();
  return out;
}

Result<BootData> boot_data_of(const json& container) {
  BootData out;
  if (!container.contains("bootData")) return out;
  const auto data = json::parse(text_of(container, "bootData"), nullptr, false);
  if (!data.is_object()) {
    return bad_field("bootData", "has to be a JSON object of environment, liveness, readiness");
  }
  for (const auto& [name, value] : data.items()) {
    if (name == "liveness") {
      auto probe = probe_of(value);
      if (!probe) return std::unexpected(probe.error());
      out.liveness = std::move(*probe);
    } else if (name == "readiness" && (value == "MANAGER" || value == "APP")) {
      out.ready_by_manager = value == "MANAGER";
    } else if (name == "environment" && value.is_object()) {
      for (const auto& [variable, text] : value.items()) {
        const bool ours = variable == kInstanceId || variable == kPlatformUri ||
                          variable == kClientId || variable == kClientSecret;
        if (variable.empty() || variable.find('=') != variable.npos || ours || !text.is_string()) {
          return bad_field("bootData.environment", "cannot set {}", variable);
        }
        out.environment[variable] = text.get<std::string>();
      }
    } else {
      return bad_field("bootData", "has {} that is not understood", name);
    }
  }
  return out;
}

bool is_unspecified(const std::string& address) { return address == "0.0.0.0" || address == "::"; }

// Every address that the app's rules and names lead to.
template <typename Visit>
void each_address(json& input, Visit visit) {
  for (auto& rule : input["trafficRules"]) {
    if (!rule.contains("dstInterface")) continue;
    for (auto& interface : rule["dstInterface"]) {
      if (interface.contains("dstIpAddress")) visit(interface["dstIpAddress"]);
    }
  }
  for (auto& rule : input["dnsRules"]) {
    if (rule.contains("ipAddress")) visit(rule["ipAddress"]);
  }
}

json input_of(const json& appd) {
  json out = {{"appName", text_of(appd, "appName").substr(0, 128)},
              {"trafficRules", json::array()},
              {"dnsRules", json::array()}};
  for (const auto& declared : list_of(appd, "appTrafficRule")) {
    auto rule = app_package::platform_rule(declared);
    rule["state"] = "ACTIVE";  // as soon as the app is ready; it may say otherwise
    out["trafficRules"].push_back(std::move(rule));
  }
  for (auto rule : list_of(appd, "appDNSRule")) {
    rule["state"] = "ACTIVE";
    out["dnsRules"].push_back(std::move(rule));
  }
  return out;
}

std::string name_of(const json& container) {
  return container_name(text_of(container, "osContainerDescId"));
}

}  // namespace

std::string container_name(const std::string& descriptor_id) {
  auto out = descriptor_id.substr(0, 40);
  for (auto& c : out) {
    if (std::isalnum(static_cast<unsigned char>(c)) == 0) c = '-';
  }
  return out;
}

Result<void> check_plan(const json& appd) {
  std::string missing;
  const auto refuse = [&](const std::string& what) {
    missing += (missing.empty() ? "" : "; ") + what;
  };
  if (appd.contains("virtualComputeDescriptor")) refuse("virtualComputeDescriptor: no VMs here");
  for (const auto* member : {"virtualStorageDescriptor", "logicalNode", "mciopId",
                             "mcioIdentificationData", "appFeatureRequired"}) {
    if (appd.contains(member) && !appd[member].empty()) {
      refuse(std::string(member) + " is not carried out here");
    }
  }
  for (const auto& capability : list_of(appd, "requestAdditionalCapabilities")) {
    if (capability.value("supportMandatory", false)) {
      refuse("requestAdditionalCapabilities: " +
             text_of(capability, "requestedAdditionalCapabilityName") + " is not there");
    }
  }
  std::set<std::string> names;
  for (const auto& container : list_of(appd, "osContainerDescriptor")) {
    const auto name = name_of(container);
    if (!names.insert(name).second) refuse("osContainerDescriptor: two become " + name);
    for (const auto* member :
         {"ephemeralStorageResourceLimit", "requestedEphemeralStorageResources",
          "extendedResourceRequests", "hugePageResources", "cpuPinningRequirements"}) {
      if (container.contains(member)) refuse(name + "." + member + " is not carried out here");
    }
    if (const auto boot = boot_data_of(container); !boot) {
      refuse(name + "." + boot.error().to_string());
    }
  }
  if (names.empty()) refuse("osContainerDescriptor is missing");
  if (missing.empty()) return {};
  return fail(ErrorCode::kUnsupported, "{}", missing);
}

AppPlan plan_of(const PackageRecord& package, const InstanceRecord& instance,
                const AppOptions& options) {
  AppPlan out;
  out.workload.id = instance.id;
  if (const auto address = IpAddress::parse(instance.address)) out.workload.address = *address;
  out.workload.secret_variable = kClientSecret;
  for (const auto& container : list_of(package.appd, "osContainerDescriptor")) {
    ContainerSpec spec;
    spec.name = name_of(container);
    const auto image =
        std::ranges::find(package.images, text_of(container, "swImageDesc"), &PackagedImage::id);
    if (image != package.images.end()) spec.image = image->key;
    spec.cpu_millis = container.value("cpuResourceLimit",
                                      container.value("requestedCpuResources", options.cpu_millis));
    const auto memory =
        container.value("memoryResourceLimit", container.value("requestedMemoryResources", 0.0));
    spec.memory_bytes = memory > 0 ? static_cast<uint64_t>(memory * static_cast<double>(kMega))
                                   : options.memory_bytes;
    const auto boot = boot_data_of(container).value_or(BootData{});
    spec.environment = boot.environment;
    spec.environment[kInstanceId] = instance.id;
    spec.environment[kPlatformUri] = options.platform_uri;
    spec.environment[kClientId] = instance.client_id;
    if (boot.liveness) out.probes[spec.name] = *boot.liveness;
    out.ready_by_manager |= boot.ready_by_manager;
    out.workload.containers.push_back(std::move(spec));
  }
  out.input = input_of(package.appd);
  each_address(out.input, [&](json& address) {
    if (is_unspecified(address.get<std::string>())) address = instance.address;
  });
  for (const auto* member : {"appServiceRequired", "appServiceOptional"}) {
    for (const auto& service : list_of(package.appd, member)) {
      out.services.push_back(text_of(service, "serName"));
    }
  }
  return out;
}

Result<std::string> choose_address(const json& appd, const AppOptions& options,
                                   const std::vector<std::string>& taken) {
  const auto& pool = options.addresses;
  auto input = input_of(appd);
  std::set<std::string> wanted;
  each_address(input, [&](const json& address) {
    const auto parsed = IpAddress::parse(address.get<std::string>());
    if (parsed && std::ranges::find(pool, parsed->to_string()) != pool.end()) {
      wanted.insert(parsed->to_string());
    }
  });
  if (wanted.size() > 1) {
    return fail(ErrorCode::kConflict, "its rules and names lead to {} addresses of the site's apps",
                wanted.size());
  }
  const auto is_free = [&](const std::string& address) {
    return std::ranges::find(taken, address) == taken.end();
  };
  if (!wanted.empty()) {
    if (is_free(*wanted.begin())) return *wanted.begin();
    return fail(ErrorCode::kConflict, "the address {} that its rules lead to is another app's",
                *wanted.begin());
  }
  const auto found = std::ranges::find_if(pool, is_free);
  if (found != pool.end()) return *found;
  return fail(ErrorCode::kResourceExhausted, "all {} addresses for apps are taken", pool.size());
}

}  // namespace sluice::mepm
