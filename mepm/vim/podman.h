// The VIM driver for podman 4 and later.
#pragma once

#include "mepm/vim/app_network.h"
#include "mepm/vim/podman_client.h"
#include "mepm/vim/vim.h"

namespace sluice::mepm {

struct PodmanOptions {
  std::string socket = "/run/podman/podman.sock";
  // Of this manager among others at the same podman: letters and digits.
  std::string owner = "site";
  NetworkOptions network;
  std::vector<std::string> name_servers;  // of the containers; empty: the host's
  uint32_t pids = 256;                    // of each container
  uint32_t open_files = 4096;             // of each process
  uint64_t log_bytes = 10 << 20;          // kept of each container
};

class Podman final : public Vim {
 public:
  explicit Podman(PodmanOptions options);
  // Ends calls that wait for podman, as the program is about to end. From any thread.
  void interrupt() { client_.interrupt(); }

  Result<bool> has_image(const std::string& key) override;
  Result<void> load_image(const std::string& key, const std::string& file) override;
  Result<void> remove_image(const std::string& key) override;
  Result<std::vector<std::string>> images() override;
  Result<void> put_secret(const std::string& id, const std::string& value) override;
  Result<void> create(const WorkloadSpec& spec) override;
  Result<void> start(const WorkloadSpec& spec) override;
  Result<void> stop(const WorkloadSpec& spec, std::chrono::seconds grace) override;
  Result<void> remove(const std::string& id) override;
  Result<WorkloadStatus> status(const WorkloadSpec& spec) override;
  Result<std::vector<std::string>> list() override;
  Result<void> probe(const std::string& id, const std::string& container,
                     const Probe& probe) override;
  Result<std::string> logs(const std::string& id, const std::string& container,
                           size_t lines) override;

 private:
  struct Found {  // a container
    std::string podman_id;
    std::string instance;
    std::string name;
    std::string fingerprint;
    std::string state;
    int exit_code = 0;
  };
  // Of one instance, or of all (empty).
  Result<std::vector<Found>> containers(const std::string& id) const;
  Result<void> remove_containers(const std::string& id) const;
  Result<void> make_container(const WorkloadSpec& spec, const ContainerSpec& container) const;
  Result<void> load_checked_image(const std::string& key, const std::string& file) const;
  Result<void> tag_image(const std::string& id, const std::string& key) const;
  Result<std::map<std::string, std::string>> image_ids() const;  // by key
  // Makes whatever is missing of the network, after those who used what is lost have been stopped:
  // a container that runs stays in the namespace in which it was started.
  Result<void> prepare_network(const WorkloadSpec& spec);
  Result<void> run_probe(const std::string& container, const Probe& probe) const;

  std::string repository() const { return "localhost/sluice-" + options_.owner; }
  std::string image_name(const std::string& key) const { return repository() + ":" + key; }
  std::string secret_name(const std::string& id) const {
    return "sluice-" + options_.owner + "-" + id;
  }
  std::string container_name(const std::string& id, const std::string& container) const;

  const PodmanOptions options_;
  PodmanClient client_;
  const AppNetwork network_;
};

}  // namespace sluice::mepm
