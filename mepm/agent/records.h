// What the manager of a site remembers.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/store/schema.h"
#include "mepm/agent/lifecycle.h"

namespace sluice::mepm {

struct PackagedImage {
  std::string id = {};    // swImageDescriptor.id
  std::string path = {};  // in the package
  std::string key = {};   // of the VIM: the hash of the file in the manifest
};

struct PackageRecord {
  std::string id = {};      // as whoever brought it names it
  std::string sha256 = {};  // of the whole
  uint64_t attempt = 0;     // names its file
  uint64_t size = 0;        // octets
  nlohmann::json appd = {};
  std::vector<PackagedImage> images = {};
};

struct InstanceRecord {
  std::string id = {};
  std::string package = {};
  std::string name = {};  // for people
  Desired desired = Desired::kNotInstantiated;
  uint64_t revision = 0;            // of what is desired: given by who desires it, only grows
  uint32_t graceful_timeout_s = 0;  // that the app has to stop or end

  Phase phase = Phase::kNone;
  int64_t since_ms = 0;        // Unix time: in this phase
  uint32_t attempts = 0;       // in this phase that failed
  std::string problem = {};    // of the last of them
  std::string operation = {};  // under way; empty: none
  bool failed = false;         // what `revision` asks for: not tried again
  std::string address = {};    // of the local DN; empty: none
  uint64_t restarts = 0;       // of the app by the manager, since it was instantiated
  std::string client_id = {};  // at the platform
  std::string client_secret = {};
};

// One request that an instance become something else, and what became of it.
struct OperationRecord {
  std::string id = {};
  std::string instance = {};
  std::string operation = {};  // INSTANTIATE, OPERATE, TERMINATE
  std::string state = {};      // PROCESSING, COMPLETED, FAILED
  uint64_t revision = 0;
  int64_t started_ms = 0;
  int64_t changed_ms = 0;   // when it came into the state
  std::string detail = {};  // why it failed
};

struct AgentRecords {
  store::Collection<PackageRecord> packages;
  store::Collection<InstanceRecord> instances;
  store::Collection<OperationRecord> operations;

  static AgentRecords add_to(store::Schema& schema);
};

}  // namespace sluice::mepm
