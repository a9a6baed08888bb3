#include "app-package/descriptor_checks.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "app-package/file_path.h"
#include "traffic-rules/json.h"

namespace sluice::app_package {
namespace {

using nlohmann::json;

const json& list_of(const json& object, const char* member) {
  static const auto kNone = json::array();
  const auto found = object.find(member);
  return found == object.end() ? kNone : *found;
}

std::string item(const char* list, size_t i) { return fmt::format("{}[{}]", list, i); }

// "<x>.<y>.<z>" in a list, or separated by commas in its items (§6.2.1.2).
void check_mec_versions(json& appd, const DescriptorPlace& place) {
  auto split = json::array();
  for (const auto& entry : appd["mecVersion"]) {
    std::string_view rest = entry.get_ref<const std::string&>();
    while (!rest.empty()) {
      auto part = rest.substr(0, rest.find(','));
      rest.remove_prefix(std::min(part.size() + 1, rest.size()));
      part.remove_prefix(std::min(part.find_first_not_of(" \t"), part.size()));
      part = part.substr(0, part.find_last_not_of(" \t") + 1);
      const bool decimal = !part.empty() && part.find_first_not_of("0123456789.") == part.npos;
      if (!decimal || std::ranges::count(part, '.') != 2 || part.starts_with('.') ||
          part.ends_with('.') || part.find("..") != part.npos) {
        place.complain("mecVersion",
                       fmt::format("has to have the form x.y.z, got \"{}\"", printable(part)));
      }
      split.push_back(std::string(part));
    }
  }
  appd["mecVersion"] = std::move(split);
}

// Of the items of a list, each has another value of that member.
void check_unique(const json& appd, const char* list, const char* member,
                  const DescriptorPlace& place) {
  std::set<std::string> seen;
  const auto& items = list_of(appd, list);
  for (size_t i = 0; i < items.size(); ++i) {
    const auto& id = items[i][member].get_ref<const std::string&>();
    if (seen.insert(id).second) continue;
    place.complain(fmt::format("{}.{}", item(list, i), member),
                   fmt::format("is \"{}\", as another one is", printable(id)));
  }
}

void check_image(const json& image, const std::string& path, const PackagedFiles& files,
                 const DescriptorPlace& place) {
  const auto& name = image["swImage"].get_ref<const std::string&>();
  const auto file = files.find(name);
  if (file == files.end()) {
    return place.complain(path + ".swImage",
                          fmt::format("names {}, which is not in the package", printable(name)));
  }
  if (image.contains("size") && image["size"].get<uint64_t>() != file->second.size) {
    place.complain(path + ".size",
                   fmt::format("is {}, but {} has {} octets", image["size"].get<uint64_t>(), name,
                               file->second.size));
  }
  if (!image.contains("checksum")) return;
  const auto& said = image["checksum"];
  const auto algorithm = parse_hash_algorithm(said["algorithm"].get_ref<const std::string&>());
  if (!algorithm) {
    return place.complain(path + ".checksum.algorithm", "is none of SHA-256 and SHA-512");
  }
  const auto hash = parse_hash(*algorithm, said["hash"].get_ref<const std::string&>());
  if (!hash) {
    return place.complain(path + ".checksum.hash",
                          fmt::format("has to be {} hexadecimal digits", hex_size(*algorithm)));
  }
  if (*algorithm != file->second.algorithm) {
    return place.complain(path + ".checksum.algorithm",
                          fmt::format("is {}, but the manifest uses {}", to_string(*algorithm),
                                      to_string(file->second.algorithm)));
  }
  if (*hash != file->second.hash) {
    place.complain(path + ".checksum.hash",
                   fmt::format("is not the hash of {} in the manifest", printable(name)));
  }
}

// §6.2.1.2 note 5, and limits that requests exceed.
void check_compute(const json& appd, const PackagedFiles& files, const DescriptorPlace& place) {
  const auto& images = appd["swImageDescriptor"];
  std::set<std::string> ids;
  for (size_t i = 0; i < images.size(); ++i) {
    ids.insert(images[i]["id"].get<std::string>());
    check_image(images[i], item("swImageDescriptor", i), files, place);
  }
  const bool machine = appd.contains("virtualComputeDescriptor");
  const auto& containers = list_of(appd, "osContainerDescriptor");
  if (machine && !containers.empty()) {
    place.complain("osContainerDescriptor",
                   "excludes virtualComputeDescriptor, which is there too");
  }
  if (!machine && containers.empty()) {
    place.complain("", "needs virtualComputeDescriptor or osContainerDescriptor");
  }
  if (machine && images.size() > 1) {
    place.complain("swImageDescriptor", "may have one item only beside virtualComputeDescriptor");
  }
  for (size_t i = 0; i < containers.size(); ++i) {
    const auto& c = containers[i];
    const auto at = item("osContainerDescriptor", i);
    if (!ids.contains(c["swImageDesc"].get<std::string>())) {
      place.complain(at + ".swImageDesc",
                     fmt::format("names \"{}\", which no swImageDescriptor has",
                                 printable(c["swImageDesc"].get<std::string>())));
    }
    for (const auto& [requested, limit] :
         {std::pair{"requestedCpuResources", "cpuResourceLimit"},
          std::pair{"requestedMemoryResources", "memoryResourceLimit"},
          std::pair{"requestedEphemeralStorageResources", "ephemeralStorageResourceLimit"}}) {
      if (c.contains(requested) && c.contains(limit) &&
          c[requested].get<double>() > c[limit].get<double>()) {
        place.complain(at + "." + requested, fmt::format("is above {}", limit));
      }
    }
  }
  const auto& storages = list_of(appd, "virtualStorageDescriptor");
  for (size_t i = 0; i < storages.size(); ++i) {
    const auto type = storages[i]["typeOfStorage"].get<std::string>();
    const auto* needed = type == "BLOCK"    ? "blockStorageData"
                         : type == "OBJECT" ? "objectStorageData"
                                            : "fileStorageData";
    if (!storages[i].contains(needed)) {
      place.complain(item("virtualStorageDescriptor", i),
                     fmt::format("is {} and needs {}", type, needed));
    }
  }
}

void check_rules(json& appd, const DescriptorPlace& place) {
  const auto complain = [&](const std::string& at, const Error& error) {
    const auto path = error.field.empty() ? at : at + "." + error.field;
    place.complain(path, error.message);
  };
  for (size_t i = 0; i < list_of(appd, "appTrafficRule").size(); ++i) {
    auto& rule = appd["appTrafficRule"][i];
    for (const auto& [old, now] :
         {std::pair{"FORWARD_AS_IS", "FORWARD_ENCAPSULATED"},
          std::pair{"DUPLICATE_AS_IS", "DUPLICATE_ENCAPSULATED"},
          std::pair{"DUPLICATED_DECAPSULATED", "DUPLICATE_DECAPSULATED"}}) {
      if (rule["action"] == old) rule["action"] = now;
    }
    if (const auto read = traffic_rules::traffic_rule_from_json(platform_rule(rule)); !read) {
      complain(item("appTrafficRule", i), read.error());
    }
  }
  for (size_t i = 0; i < list_of(appd, "appDNSRule").size(); ++i) {
    auto rule = appd["appDNSRule"][i];
    rule["state"] = "INACTIVE";
    if (const auto read = traffic_rules::dns_rule_from_json(rule); !read) {
      complain(item("appDNSRule", i), read.error());
    }
  }
}

void check_services(const json& appd, const DescriptorPlace& place) {
  std::set<std::string> required;
  for (const auto& service : list_of(appd, "appServiceRequired")) {
    required.insert(service["serName"].get<std::string>());
  }
  const auto& optional = list_of(appd, "appServiceOptional");
  for (size_t i = 0; i < optional.size(); ++i) {
    if (required.contains(optional[i]["serName"].get<std::string>())) {
      place.complain(item("appServiceOptional", i) + ".serName",
                     "is in appServiceRequired as well");
    }
  }
}

void check_operations(const json& appd, const DescriptorPlace& place) {
  const auto order = [&](const char* object, const char* low, const char* high) {
    const auto found = appd.find(object);
    if (found == appd.end() || !found->contains(high)) return;
    if ((*found)[low].get<double>() > (*found)[high].get<double>()) {
      place.complain(fmt::format("{}.{}", object, low), fmt::format("is above {}", high));
    }
  };
  order("terminateAppInstanceOpConfig", "minGracefulTerminationTimeout",
        "maxRecommendedGracefulTerminationTimeout");
  order("changeAppInstanceStateOpConfig", "minGracefulStopTimeout",
        "maxRecommendedGracefulStopTimeout");
  const auto transfer = appd.find("userContextTransferCapability");
  if (transfer == appd.end()) return;
  const bool stateful = (*transfer)["statefulApplication"].get<bool>();
  const bool says = transfer->contains("userContextTransferSupport");
  if (stateful != says) {
    place.complain("userContextTransferCapability.userContextTransferSupport",
                   stateful ? "is missing, as the app is stateful"
                            : "may not be there, as the app is not stateful");
  }
}

}  // namespace

json platform_rule(const json& descriptor) {
  json out = descriptor;
  out["state"] = "INACTIVE";
  if (!out.contains("dstInterface")) return out;
  for (auto& interface : out["dstInterface"]) {
    for (const auto& [from, to] :
         {std::pair{"dstIPAddress", "dstIpAddress"}, std::pair{"dstMACAddress", "dstMacAddress"},
          std::pair{"srcMACAddress", "srcMacAddress"}}) {
      if (!interface.contains(from)) continue;
      interface[to] = interface[from];
      interface.erase(from);
    }
  }
  return out;
}

void DescriptorPlace::complain(const std::string& path, const std::string& what) const {
  problems.add(file, line_of(lines, path),
               path.empty() ? "the descriptor " + what : path + " " + what);
}

void check_descriptor(json& appd, const PackagedFiles& files, const DescriptorPlace& place) {
  check_mec_versions(appd, place);
  check_compute(appd, files, place);
  check_unique(appd, "swImageDescriptor", "id", place);
  check_unique(appd, "osContainerDescriptor", "osContainerDescId", place);
  check_unique(appd, "virtualStorageDescriptor", "id", place);
  check_unique(appd, "appTrafficRule", "trafficRuleId", place);
  check_unique(appd, "appDNSRule", "dnsRuleId", place);
  check_unique(appd, "appServiceProduced", "serName", place);
  check_unique(appd, "appServiceRequired", "serName", place);
  check_rules(appd, place);
  check_services(appd, place);
  check_operations(appd, place);
}

}  // namespace sluice::app_package
