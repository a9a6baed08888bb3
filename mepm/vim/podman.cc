#include "mepm/vim/podman.h"

#include <sys/resource.h>

#include <algorithm>
#include <set>

#include "base/printable.h"

namespace sluice::mepm {
namespace {

using client::percent_encoded;
using nlohmann::json;

// By which what is ours is found.
constexpr const char* kOwner = "sluice.manager";
constexpr const char* kInstance = "sluice.instance";
constexpr const char* kContainer = "sluice.container";
constexpr const char* kFingerprint = "sluice.fingerprint";

constexpr uint64_t kCpuPeriodUs = 100'000;

uint64_t most_processes() {
  rlimit limit{};
  const bool known = ::getrlimit(RLIMIT_NPROC, &limit) == 0;
  return known ? std::min<uint64_t>(limit.rlim_max, 30'000) : 30'000;
}

std::string filters(const json& labels) { return percent_encoded(json{{"label", labels}}.dump()); }

Result<void> only_success(const Result<client::HttpReply>& reply) {
  if (!reply) return std::unexpected(reply.error());
  return {};
}

}  // namespace

Podman::Podman(PodmanOptions options)
    : options_(std::move(options)),
      client_(options_.socket),
      network_(options_.owner, options_.network) {}

std::string Podman::container_name(const std::string& id, const std::string& container) const {
  return "sluice-" + options_.owner + "-" + id + "." + container;
}

// -- containers -----------------------------------------------------------------------------------

Result<std::vector<Podman::Found>> Podman::containers(const std::string& id) const {
  auto labels = json::array({fmt::format("{}={}", kOwner, options_.owner)});
  if (!id.empty()) labels.push_back(fmt::format("{}={}", kInstance, id));
  const auto list = client_.get("/containers/json?all=true&filters=" + filters(labels));
  if (!list) return std::unexpected(list.error());
  std::vector<Found> out;
  if (!list->is_array()) return out;
  for (const auto& entry : *list) {
    if (!entry.is_object()) continue;
    const auto given = entry.find("Labels");
    if (given == entry.end() || !given->is_object()) continue;
    const auto code = entry.find("ExitCode");
    out.push_back({.podman_id = text_of(entry, "Id"),
                   .instance = text_of(*given, kInstance),
                   .name = text_of(*given, kContainer),
                   .fingerprint = text_of(*given, kFingerprint),
                   .state = text_of(entry, "State"),
                   .exit_code = code != entry.end() && code->is_number() ? code->get<int>() : 0});
  }
  return out;
}

Result<void> Podman::make_container(const WorkloadSpec& spec,
                                    const ContainerSpec& container) const {
  json body = {
      {"name", container_name(spec.id, container.name)},
      {"image", image_name(container.image)},
      {"labels",
       {{kOwner, options_.owner},
        {kInstance, spec.id},
        {kContainer, container.name},
        {kFingerprint, spec.fingerprint()}}},
      {"env", container.environment},
      {"hostname", spec.id.substr(0, 63)},
      {"netns", {{"nsmode", "path"}, {"value", network_.path(spec.id)}}},
      {"resource_limits",
       {{"cpu", {{"quota", container.cpu_millis * kCpuPeriodUs / 1000}, {"period", kCpuPeriodUs}}},
        {"memory", {{"limit", container.memory_bytes}, {"swap", container.memory_bytes}}},
        {"pids", {{"limit", options_.pids}}}}},
      {"r_limits",
       json::array(
           {{{"type", "nofile"}, {"soft", options_.open_files}, {"hard", options_.open_files}},
            // Of all processes on the host of a user, and not of a container: `pids` bounds that.
            {{"type", "nproc"}, {"soft", most_processes()}, {"hard", most_processes()}}})},
      {"restart_policy", "no"},  // the agent restarts, with pauses that grow
      {"no_new_privileges", true},
      {"cap_drop", json::array({"ALL"})},
      // What programs need that begin as root in their container and go on as somebody else.
      {"cap_add", json::array({"CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_KILL",
                               "CAP_NET_BIND_SERVICE", "CAP_SETGID", "CAP_SETUID"})},
      {"healthconfig", {{"Test", json::array({"NONE"})}}},  // the agent probes
      {"log_configuration", {{"driver", "k8s-file"}, {"size", options_.log_bytes}}}};
  if (!options_.name_servers.empty()) body["dns_server"] = options_.name_servers;
  if (!spec.secret_variable.empty()) {
    body["secret_env"] = {{spec.secret_variable, secret_name(spec.id)}};
  }
  if (auto made = client_.post("/containers/create", body); !made) {
    return std::unexpected(made.error());
  }
  return {};
}

Result<void> Podman::create(const WorkloadSpec& spec) {
  auto found = containers(spec.id);
  if (!found) return std::unexpected(found.error());
  const auto fingerprint = spec.fingerprint();
  if (std::ranges::any_of(*found, [&](const auto& c) { return c.fingerprint != fingerprint; })) {
    if (auto ok = remove_containers(spec.id); !ok) return ok;
    found->clear();
  }
  if (auto ok = prepare_network(spec); !ok) return ok;
  for (const auto& container : spec.containers) {
    const auto named = [&](const auto& c) { return c.name == container.name; };
    if (std::ranges::any_of(*found, named)) continue;
    if (auto ok = make_container(spec, container); !ok) return ok;
  }
  return {};
}

Result<void> Podman::prepare_network(const WorkloadSpec& spec) {
  if (!network_.is_whole(spec.id)) {
    if (auto ok = stop(spec, std::chrono::seconds(2)); !ok) return ok;
  }
  return network_.ensure(spec.id, spec.address);
}

Result<void> Podman::start(const WorkloadSpec& spec) {
  if (auto ok = prepare_network(spec); !ok) return ok;
  for (const auto& container : spec.containers) {
    const auto name = percent_encoded(container_name(spec.id, container.name));
    // 304: it runs already.
    const auto reply =
        client_.call({.method = "POST", .target = "/containers/" + name + "/start"}, 304);
    if (auto ok = only_success(reply); !ok) return ok;
  }
  return {};
}

Result<void> Podman::stop(const WorkloadSpec& spec, std::chrono::seconds grace) {
  const auto found = containers(spec.id);
  if (!found) return std::unexpected(found.error());
  for (const auto& container : *found) {
    const auto reply = client_.call({.method = "POST",
                                     .target = fmt::format("/containers/{}/stop?timeout={}",
                                                           container.podman_id, grace.count())},
                                    304, grace + PodmanClient::kLongestCall);
    if (auto ok = only_success(reply); !ok && ok.error().code != ErrorCode::kNotFound) return ok;
  }
  return {};
}

Result<void> Podman::remove_containers(const std::string& id) const {
  const auto found = containers(id);
  if (!found) return std::unexpected(found.error());
  for (const auto& container : *found) {
    const auto reply = client_.call(
        {.method = "DELETE",
         .target = fmt::format("/containers/{}?force=true&v=true&timeout=0", container.podman_id)},
        404);
    if (auto ok = only_success(reply); !ok) return ok;
  }
  return {};
}

Result<void> Podman::remove(const std::string& id) {
  if (auto ok = remove_containers(id); !ok) return ok;
  if (auto ok = network_.remove(id); !ok) return ok;
  return only_success(client_.call(
      {.method = "DELETE", .target = "/secrets/" + percent_encoded(secret_name(id))}, 404));
}

Result<WorkloadStatus> Podman::status(const WorkloadSpec& spec) {
  const auto found = containers(spec.id);
  if (!found) return std::unexpected(found.error());
  WorkloadStatus out;
  std::set<std::string> fingerprints;
  size_t running = 0;
  for (const auto& container : *found) {
    fingerprints.insert(container.fingerprint);
    running += container.state == "running" ? 1U : 0U;
    if (container.state == "running") continue;
    out.reason = fmt::format("container {} is {}", container.name, printable(container.state));
    if (container.state == "exited") out.reason += fmt::format(" ({})", container.exit_code);
  }
  if (fingerprints.size() == 1) out.fingerprint = *fingerprints.begin();
  if (found->size() < spec.containers.size()) {
    out.state = RunState::kAbsent;
    out.reason =
        fmt::format("{} of {} containers are there", found->size(), spec.containers.size());
  } else {
    out.state = running == found->size() ? RunState::kRunning : RunState::kStopped;
  }
  if (out.state == RunState::kRunning && !network_.is_whole(spec.id)) {
    out.state = RunState::kStopped;
    out.reason = "its network is gone";
  }
  return out;
}

Result<std::vector<std::string>> Podman::list() {
  std::set<std::string> out;
  const auto found = containers("");
  if (!found) return std::unexpected(found.error());
  for (const auto& container : *found) out.insert(container.instance);
  for (auto& id : network_.list()) out.insert(std::move(id));
  const auto secrets = client_.get("/secrets/json");
  if (!secrets) return std::unexpected(secrets.error());
  const auto prefix = secret_name("");
  if (secrets->is_array()) {
    for (const auto& secret : *secrets) {
      if (!secret.is_object() || !secret.contains("Spec")) continue;
      const auto name = text_of(secret["Spec"], "Name");
      if (name.starts_with(prefix)) out.insert(name.substr(prefix.size()));
    }
  }
  return std::vector(out.begin(), out.end());
}

Result<void> Podman::put_secret(const std::string& id, const std::string& value) {
  const auto name = percent_encoded(secret_name(id));
  auto gone = only_success(client_.call({.method = "DELETE", .target = "/secrets/" + name}, 404));
  if (!gone) return gone;
  return only_success(client_.call({.method = "POST",
                                    .target = "/secrets/create?name=" + name,
                                    .headers = {{"Content-Type", "application/octet-stream"}},
                                    .body = value}));
}

Result<std::string> Podman::logs(const std::string& id, const std::string& container,
                                 size_t lines) {
  const auto name = percent_encoded(container_name(id, container));
  const auto reply = client_.call(
      {.target = fmt::format("/containers/{}/logs?stdout=true&stderr=true&tail={}", name, lines)},
      0, std::chrono::seconds(10));
  if (!reply) return std::unexpected(reply.error());
  return text_of_frames(reply->body);
}

}  // namespace sluice::mepm
