#include "base/run_program.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>

#include "base/unique_fd.h"

namespace sluice {
namespace {

constexpr size_t kMostOutput = 1 << 20;

// A file without a name: the program reads and writes it as long as it likes, nobody waits.
UniqueFd unnamed_file(const std::string& content = {}) {
  UniqueFd fd(::memfd_create("sluice-run", MFD_CLOEXEC));
  if (fd && !content.empty() &&
      ::pwrite(fd.get(), content.data(), content.size(), 0) !=
          static_cast<ssize_t>(content.size())) {
    fd.reset();
  }
  return fd;
}

std::string content_of(const UniqueFd& fd) {
  std::string out(kMostOutput, '\0');
  const auto n = ::pread(fd.get(), out.data(), out.size(), 0);
  out.resize(static_cast<size_t>(std::max<ssize_t>(n, 0)));
  return out;
}

// Signals that this process blocks or ignores are not the program's concern.
class Attributes {
 public:
  Attributes() {
    sigset_t none;
    sigset_t all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_init(&attributes_);
    posix_spawnattr_setsigmask(&attributes_, &none);
    posix_spawnattr_setsigdefault(&attributes_, &all);
    posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    posix_spawn_file_actions_init(&actions_);
  }
  Attributes(const Attributes&) = delete;
  Attributes& operator=(const Attributes&) = delete;
  ~Attributes() {
    posix_spawn_file_actions_destroy(&actions_);
    posix_spawnattr_destroy(&attributes_);
  }
  void stream(const UniqueFd& fd, int as) {
    posix_spawn_file_actions_adddup2(&actions_, fd.get(), as);
  }
  Result<pid_t> start(const std::vector<std::string>& command) {
    std::vector<char*> argv;
    for (const auto& word : command) argv.push_back(const_cast<char*>(word.c_str()));
    argv.push_back(nullptr);
    pid_t pid = 0;
    if (const int code =
            posix_spawnp(&pid, argv.front(), &actions_, &attributes_, argv.data(), environ);
        code != 0) {
      errno = code;
      return std::unexpected(errno_error(command.front()));
    }
    return pid;
  }

 private:
  posix_spawnattr_t attributes_{};
  posix_spawn_file_actions_t actions_{};
};

}  // namespace

Result<std::string> run_program(const std::vector<std::string>& command, const std::string& input,
                                std::chrono::milliseconds longest) {
  const auto in = unnamed_file(input);
  const auto out = unnamed_file();
  const auto err = unnamed_file();
  if (!in || !out || !err) return std::unexpected(errno_error("memfd_create"));
  Attributes attributes;
  attributes.stream(in, STDIN_FILENO);
  attributes.stream(out, STDOUT_FILENO);
  attributes.stream(err, STDERR_FILENO);
  const auto pid = attributes.start(command);
  if (!pid) return std::unexpected(pid.error());
  const UniqueFd watch(static_cast<int>(::syscall(SYS_pidfd_open, *pid, 0)));
  pollfd ended{watch.get(), POLLIN, 0};
  const bool late = watch && ::poll(&ended, 1, static_cast<int>(longest.count())) == 0;
  if (late) ::kill(*pid, SIGKILL);
  int status = 0;
  while (::waitpid(*pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (late) {
    return fail(ErrorCode::kUnavailable, "{} takes longer than {} ms", command.front(),
                longest.count());
  }
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    auto why = content_of(err);
    while (why.ends_with('\n')) why.pop_back();
    return fail(ErrorCode::kInternal, "{} failed: {}", command.front(), why);
  }
  return content_of(out);
}

}  // namespace sluice
