// What a package's descriptor comes to at this site: containers, and what the platform is told.
#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "mepm/agent/records.h"
#include "mepm/vim/vim.h"

namespace sluice::mepm {

struct AppOptions {
  std::vector<std::string> addresses;  // of apps on the local DN
  std::string platform_uri;            // by what apps reach Mp1
  uint32_t cpu_millis = 1000;          // of a container whose descriptor says nothing
  uint64_t memory_bytes = 256 << 20;
};

struct AppPlan {
  WorkloadSpec workload;
  nlohmann::json input;                 // AppInstanceInput of api-specs/mm5.yaml, without `apis`
  std::vector<std::string> services;    // that it requires or would use, by name
  std::map<std::string, Probe> probes;  // by container; one without is well when it runs
  bool ready_by_manager = false;        // the app does not speak Mp1
};

// kUnsupported names everything in the descriptor that is not carried out here; kInvalidArgument
// what is wrong in the bootData of a container, see mepm/README.md.
Result<void> check_plan(const nlohmann::json& appd);

// What the VIM calls the container of that osContainerDescId.
std::string container_name(const std::string& descriptor_id);

// Of a descriptor that check_plan() has passed; the instance has its address.
AppPlan plan_of(const PackageRecord& package, const InstanceRecord& instance,
                const AppOptions& options);

// An address for an app: the one of the pool that its own rules and names lead to, or the first
// that is not in `taken`. kResourceExhausted without one, kConflict where it is another's or there
// are several.
Result<std::string> choose_address(const nlohmann::json& appd, const AppOptions& options,
                                   const std::vector<std::string>& taken);

}  // namespace sluice::mepm
