// A site in files, for tests of the agent: what its VIM and its platform have outlives the process.
#pragma once

#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <vector>

#include "mepm/agent/platform.h"
#include "mepm/vim/vim.h"

namespace sluice::mepm {

class SiteFiles {
 public:
  explicit SiteFiles(std::string directory) : directory_(std::move(directory)) {
    std::filesystem::create_directories(directory_);
  }
  void put(const std::string& name, const std::string& content = "x") const {
    std::ofstream(path(name + ".new")) << content;
    std::filesystem::rename(path(name + ".new"), path(name));
  }
  std::optional<std::string> get(const std::string& name) const {
    std::ifstream file(path(name));
    if (!file) return std::nullopt;
    return std::string(std::istreambuf_iterator<char>(file), {});
  }
  bool has(const std::string& name) const { return get(name).has_value(); }
  void drop(const std::string& name) const { std::filesystem::remove(path(name)); }
  // Names behind the prefix.
  std::vector<std::string> list(const std::string& prefix) const {
    std::vector<std::string> out;
    for (const auto& entry : std::filesystem::directory_iterator(directory_)) {
      const auto name = entry.path().filename().string();
      if (name.starts_with(prefix) && !name.ends_with(".new")) {
        out.push_back(name.substr(prefix.size()));
      }
    }
    return out;
  }

 private:
  std::string path(const std::string& name) const { return directory_ + "/" + name; }
  std::string directory_;
};

// "fail.FUNCTION" has a function fail for good, "away.vim" all of them for now; "throw.status" has
// status() throw. "sick" has so many probes fail as it holds.
class FileVim final : public Vim {
 public:
  explicit FileVim(SiteFiles files) : files_(std::move(files)) {}

  Result<bool> has_image(const std::string& key) override { return files_.has("image." + key); }
  Result<void> load_image(const std::string& key, const std::string&) override {
    return then("load", [&] { files_.put("image." + key); });
  }
  Result<void> remove_image(const std::string& key) override {
    return then("remove_image", [&] { files_.drop("image." + key); });
  }
  Result<std::vector<std::string>> images() override { return files_.list("image."); }
  Result<void> put_secret(const std::string& id, const std::string& value) override {
    return then("put_secret", [&] { files_.put("secret." + id, value); });
  }
  Result<void> create(const WorkloadSpec& spec) override {
    return then("create", [&] {
      if (files_.get("made." + spec.id) == spec.fingerprint()) return;
      files_.drop("runs." + spec.id);
      files_.put("made." + spec.id, spec.fingerprint());
    });
  }
  Result<void> start(const WorkloadSpec& spec) override {
    if (!files_.has("made." + spec.id)) return fail(ErrorCode::kNotFound, "was not made");
    if (!files_.has("secret." + spec.id)) return fail(ErrorCode::kNotFound, "no secret");
    return then("start", [&] { files_.put("runs." + spec.id); });
  }
  Result<void> stop(const WorkloadSpec& spec, std::chrono::seconds) override {
    return then("stop", [&] { files_.drop("runs." + spec.id); });
  }
  Result<void> remove(const std::string& id) override {
    return then("remove", [&] {
      for (const auto* part : {"runs.", "made.", "secret."}) files_.drop(part + id);
    });
  }
  Result<WorkloadStatus> status(const WorkloadSpec& spec) override {
    if (files_.has("away.vim")) return fail(ErrorCode::kUnavailable, "away");
    if (files_.has("throw.status")) (void)nlohmann::json(1).value("a", 2);
    const auto made = files_.get("made." + spec.id);
    if (!made) return WorkloadStatus{};
    const auto state = files_.has("runs." + spec.id) ? RunState::kRunning : RunState::kStopped;
    return WorkloadStatus{state, *made, state == RunState::kRunning ? "" : "it ended"};
  }
  Result<std::vector<std::string>> list() override {
    auto out = files_.list("made.");
    for (auto& id : files_.list("secret.")) out.push_back(id);
    return out;
  }
  Result<void> probe(const std::string&, const std::string&, const Probe&) override {
    const auto left = std::stoi(files_.get("sick").value_or("0"));
    if (left <= 0) return {};
    files_.put("sick", std::to_string(left - 1));
    return fail(ErrorCode::kUnavailable, "sick");
  }
  Result<std::string> logs(const std::string&, const std::string&, size_t) override { return ""; }

 private:
  template <typename Do>
  Result<void> then(const std::string& function, Do what) {
    if (files_.has("away.vim")) return fail(ErrorCode::kUnavailable, "away");
    if (files_.has("fail." + function)) return fail(ErrorCode::kInvalidArgument, "refused");
    what();
    return {};
  }
  const SiteFiles files_;
};

// "app.ID" has the state of an instance, "client.ID" who it may be. Apps confirm at once, or with
// "silent" never.
class FilePlatform final : public Platform {
 public:
  explicit FilePlatform(SiteFiles files) : files_(std::move(files)) {}

  Result<AppCredentials> provision(const std::string& id, const nlohmann::json&,
                                   const std::vector<std::string>&) override {
    if (auto ok = reachable(); !ok) return std::unexpected(ok.error());
    const auto number = std::stoi(files_.get("clients").value_or("0")) + 1;
    files_.put("clients", std::to_string(number));
    files_.put("client." + id, "client" + std::to_string(number));
    files_.put("app." + id, "PROVISIONED");
    return AppCredentials{"client" + std::to_string(number), "secret" + std::to_string(number)};
  }
  Result<std::optional<std::string>> state(const std::string& id) override {
    if (auto ok = reachable(); !ok) return std::unexpected(ok.error());
    return files_.get("app." + id);
  }
  Result<void> terminate(const std::string& id, const std::string& action, uint32_t) override {
    if (auto ok = reachable(); !ok) return ok;
    if (files_.has("silent")) {
      files_.put("app." + id, action);
    } else {
      files_.put("app." + id, action == "STOPPING" ? "STOPPED" : "TERMINATED");
    }
    return {};
  }
  Result<void> withdraw(const std::string& id) override {
    if (auto ok = reachable(); !ok) return ok;
    files_.drop("app." + id);
    return {};
  }
  Result<void> confirm_ready(const std::string& id, const AppCredentials& app) override {
    if (auto ok = reachable(); !ok) return ok;
    if (files_.get("client." + id) != app.client_id) {
      return fail(ErrorCode::kUnauthenticated, "no such client");
    }
    files_.put("app." + id, "READY");
    return {};
  }

 private:
  Result<void> reachable() const {
    if (files_.has("away.platform")) return fail(ErrorCode::kUnavailable, "away");
    return {};
  }
  const SiteFiles files_;
};

}  // namespace sluice::mepm
