// The VIM interface (MEC 003 §7.1.5): what runs the containers of app instances at the site. A
// driver keeps nothing that it cannot find again: everything that it makes carries the manager's
// name and the instance's id, so that what a crash left is found by list() and removed, or taken
// over by the next call for the same instance.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/net/ip_address.h"

namespace sluice::mepm {

struct ContainerSpec {
  std::string name = {};      // among those of the instance: letters, digits, "-"
  std::string image = {};     // key of load_image()
  uint32_t cpu_millis = 0;    // thousandths of a CPU that it may use
  uint64_t memory_bytes = 0;  // beyond it is killed
  std::map<std::string, std::string> environment = {};
};

// All containers of an app instance, in one network namespace with one address.
struct WorkloadSpec {
  std::string id = {};  // appInstanceId: letters, digits, "-", "_", "."
  IpAddress address = {};
  std::vector<ContainerSpec> containers = {};
  std::string secret_variable =
      {};  // of the environment, gets what put_secret() stored; empty: none

  // Two specs with the same fingerprint make the same workload.
  std::string fingerprint() const;
};

enum class RunState : uint8_t { kAbsent, kStopped, kRunning };

// Of a workload: kRunning when all containers run, kAbsent when any of them is not there.
struct WorkloadStatus {
  RunState state = RunState::kAbsent;
  std::string fingerprint = {};  // of the spec that it was made of; empty: of several, or none
  std::string reason = {};       // why it does not run, for people
};

// What says that a container is well, beyond that it runs.
struct Probe {
  std::vector<std::string> command = {};  // exit status 0, in the container; or
  uint16_t http_port = 0;                 // a reply of 2xx or 3xx, in its network
  std::string http_path = {};
  std::chrono::seconds timeout{5};
};

// May be called by several threads at a time, for one instance by one at a time. Every function may
// be repeated after it failed or the program ended in the middle of it. kUnavailable: the driver
// cannot be reached, may work later; other errors will stay as they are.
class Vim {
 public:
  virtual ~Vim() = default;

  // Images of packages (OCI or Docker archives), known by a key: 64 or 128 hexadecimal digits.
  virtual Result<bool> has_image(const std::string& key) = 0;
  virtual Result<void> load_image(const std::string& key, const std::string& file) = 0;
  // Also when there is none.
  virtual Result<void> remove_image(const std::string& key) = 0;
  virtual Result<std::vector<std::string>> images() = 0;

  // Replaces it. Removed with the workload.
  virtual Result<void> put_secret(const std::string& id, const std::string& value) = 0;

  // Makes what is not there of network and containers; a workload of another fingerprint is ended
  // first. Nothing is started.
  virtual Result<void> create(const WorkloadSpec& spec) = 0;
  // Starts what does not run. Its network is made anew where the host has lost it.
  virtual Result<void> start(const WorkloadSpec& spec) = 0;
  // SIGTERM, after `grace` SIGKILL.
  virtual Result<void> stop(const WorkloadSpec& spec, std::chrono::seconds grace) = 0;
  // Containers (killed), network and secret: whatever there is.
  virtual Result<void> remove(const std::string& id) = 0;

  virtual Result<WorkloadStatus> status(const WorkloadSpec& spec) = 0;
  // Ids of the instances of which there is anything.
  virtual Result<std::vector<std::string>> list() = 0;
  // kUnavailable says why it is not well.
  virtual Result<void> probe(const std::string& id, const std::string& container,
                             const Probe& probe) = 0;
  // The last lines that a container wrote to standard output and error. kNotFound: no container.
  virtual Result<std::string> logs(const std::string& id, const std::string& container,
                                   size_t lines) = 0;
};

}  // namespace sluice::mepm
