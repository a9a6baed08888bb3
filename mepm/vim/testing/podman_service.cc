#include "mepm/vim/testing/podman_service.h"

#include <archive.h>
#include <archive_entry.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <thread>

#include "base/digest.h"
#include "base/run_program.h"

namespace sluice::mepm {
namespace {

using nlohmann::json;

void must(const Result<std::string>& done) {
  if (!done) throw std::runtime_error(done.error().to_string());
}

void write_file(const std::string& path, const std::string& content) {
  std::ofstream(path) << content;
}

std::string read_file(const std::string& path) {
  std::stringstream out;
  std::ifstream in(path, std::ios::binary);
  if (!in) throw std::runtime_error("cannot read " + path);
  out << in.rdbuf();
  return out.str();
}

std::string hash_of(const std::string& content) {
  Digest digest(HashAlgorithm::kSha256);
  digest.update(content);
  return digest.hex();
}

}  // namespace

void write_tar(const std::string& path,
               const std::vector<std::pair<std::string, std::string>>& files) {
  auto* out = archive_write_new();
  archive_write_set_format_ustar(out);
  archive_write_open_filename(out, path.c_str());
  for (const auto& [name, content] : files) {
    auto* entry = archive_entry_new();
    archive_entry_set_pathname(entry, name.c_str());
    archive_entry_set_size(entry, static_cast<la_int64_t>(content.size()));
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_perm(entry, 0755);
    archive_write_header(out, entry);
    archive_write_data(out, content.data(), content.size());
    archive_entry_free(entry);
  }
  archive_write_close(out);
  archive_write_free(out);
}

std::string PodmanService::missing() {
  if (geteuid() != 0) return "podman with network namespaces needs root";
  for (const auto* program : {"podman", "ip"}) {
    if (!run_program({program, "--version"}) && !run_program({program, "-V"})) {
      return std::string(program) + " is not installed";
    }
  }
  return {};
}

PodmanService::PodmanService() {
  char name[] = "/tmp/sluice-podman-XXXXXX";
  if (mkdtemp(name) == nullptr) throw std::runtime_error("mkdtemp");
  directory_ = name;
  if (unshare(CLONE_NEWNET) != 0) throw std::runtime_error("unshare");
  must(run_program({"ip", "-batch", "-"},
                   "link set lo up\nlink add ldn type bridge\naddr add 10.99.0.1/24 dev ldn\n"
                   "link set ldn up\n"));
  write_file(path("containers.conf"),
             "[containers]\ndefault_ulimits=[\"nofile=4096:8192\",\"nproc=1000:1000\"]\n"
             "[engine]\nruntime=\"runc\"\ncgroup_manager=\"cgroupfs\"\nevents_logger=\"file\"\n"
             "exit_command_delay=1\n"
             "tmp_dir=\"" +
                 path("tmp") + "\"\n");
  write_file(path("storage.conf"), "[storage]\ndriver=\"vfs\"\ngraphroot=\"" + path("root") +
                                       "\"\nrunroot=\"" + path("run") + "\"\n");
  start();
}

void PodmanService::start() {
  setenv("CONTAINERS_CONF", path("containers.conf").c_str(), 1);
  setenv("CONTAINERS_STORAGE_CONF", path("storage.conf").c_str(), 1);
  pid_ = fork();
  if (pid_ == 0) {
    const auto address = "unix://" + path("podman.sock");
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    (void)!chdir(directory_.c_str());  // where conmon leaves a file "oom"
    (void)!freopen(path("log").c_str(), "w", stderr);
    (void)!freopen("/dev/null", "w", stdout);
    execlp("podman", "podman", "system", "service", "--time=0", address.c_str(), nullptr);
    _exit(127);
  }
  const PodmanClient client(path("podman.sock"));
  for (int i = 0; !client.get("/version"); ++i) {
    if (i == 200 || waitpid(pid_, nullptr, WNOHANG) == pid_) {
      throw std::runtime_error("podman does not start: " + read_file(path("log")));
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
}

PodmanService::~PodmanService() {
  // What a test that failed has left.
  (void)run_program({"podman", "rm", "--all", "--force", "--time=0"}, "", std::chrono::seconds(60));
  kill(pid_, SIGTERM);
  waitpid(pid_, nullptr, 0);
  for (const auto& space : AppNetwork(options().owner, options().network).list()) {
    (void)AppNetwork(options().owner, options().network).remove(space);
  }
  std::error_code error;
  std::filesystem::remove_all(directory_, error);
}

PodmanOptions PodmanService::options() const {
  PodmanOptions out;
  out.socket = path("podman.sock");
  out.owner = "test" + std::to_string(getpid());
  out.network.bridge = "ldn";
  out.pids = 16;
  return out;
}

std::string PodmanService::image_archive(const std::string& program, const std::string& tag) const {
  const auto layer_file = path("layer.tar");
  write_tar(layer_file, {{"app", read_file(program)}});
  const auto layer = read_file(layer_file);
  const auto config =
      json{
          {"architecture", "amd64"},
          {"os", "linux"},
          {"config", {{"Entrypoint", json::array({"/app"})}}},
          {"rootfs", {{"type", "layers"}, {"diff_ids", json::array({"sha256:" + hash_of(layer)})}}}}
          .dump();
  const auto name = hash_of(config) + ".json";
  json entry = {{"Config", name}, {"Layers", json::array({"layer.tar"})}};
  if (!tag.empty()) entry["RepoTags"] = json::array({tag});
  const auto out = path("image.tar");
  write_tar(out,
            {{"manifest.json", json::array({entry}).dump()}, {name, config}, {"layer.tar", layer}});
  return out;
}

}  // namespace sluice::mepm
