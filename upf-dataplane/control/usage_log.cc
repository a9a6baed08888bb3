#include "upf-dataplane/control/usage_log.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <system_error>
#include <utility>

#include "base/log.h"

namespace sluice::upf {
namespace {

UniqueFd open_file(const std::string& path) {
  return UniqueFd(::open(path.c_str(), O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0640));
}

bool write_all(int fd, const char* data, size_t size) {
  while (size > 0) {
    const ssize_t n = ::write(fd, data, size);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;  // what was written of a line is ended by the next start
    data += n;
    size -= static_cast<size_t>(n);
  }
  return true;
}

std::string numbered(const std::string& path, uint32_t number) {
  return number == 0 ? path : path + "." + std::to_string(number);
}

}  // namespace

Result<std::unique_ptr<UsageLog>> UsageLog::open(UsageLogOptions options) {
  UniqueFd fd = open_file(options.path);
  struct stat status{};
  if (!fd || fstat(fd.get(), &status) != 0) {
    return std::unexpected(errno_error("open " + options.path));
  }
  auto size = static_cast<uint64_t>(status.st_size);
  char last = '\n';
  if (size > 0 && pread(fd.get(), &last, 1, status.st_size - 1) != 1) {
    return std::unexpected(errno_error("read " + options.path));
  }
  if (last != '\n') {
    if (!write_all(fd.get(), "\n", 1)) return std::unexpected(errno_error("write " + options.path));
    ++size;
  }
  return std::unique_ptr<UsageLog>(new UsageLog(std::move(options), std::move(fd), size));
}

UsageLog::UsageLog(UsageLogOptions options, UniqueFd fd, uint64_t size)
    : options_(std::move(options)), fd_(std::move(fd)), size_(size), thread_([this] { run(); }) {}

UsageLog::~UsageLog() {
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
  }
  work_.notify_one();
  thread_.join();
}

bool UsageLog::append(std::string lines) {
  {
    const std::lock_guard lock(mutex_);
    if (waiting_.size() + lines.size() > kMostWaiting) {
      ++failures_;
      return false;
    }
    waiting_ += lines;
  }
  work_.notify_one();
  return true;
}

uint64_t UsageLog::failures() const {
  const std::lock_guard lock(mutex_);
  return failures_;
}

void UsageLog::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    work_.wait(lock, [this] { return stopped_ || !waiting_.empty(); });
    if (waiting_.empty()) return;
    const std::string lines = std::exchange(waiting_, {});
    lock.unlock();
    const bool written = write(lines);
    lock.lock();
    if (!written) ++failures_;
  }
}

bool UsageLog::write(const std::string& lines) {
  if (size_ >= options_.bytes && !rotate()) return false;
  if (!fd_ || !write_all(fd_.get(), lines.data(), lines.size())) {
    spdlog::error("usage records lost file={} reason=\"{}\"", options_.path,
                  std::generic_category().message(errno));
    return false;
  }
  size_ += lines.size();
  return fdatasync(fd_.get()) == 0;
}

bool UsageLog::rotate() {
  for (uint32_t number = options_.files - 1; number > 0; --number) {
    std::rename(numbered(options_.path, number - 1).c_str(),
                numbered(options_.path, number).c_str());
  }
  if (options_.files == 1) unlink(options_.path.c_str());
  fd_ = open_file(options_.path);
  size_ = 0;
  return static_cast<bool>(fd_);
}

}  // namespace sluice::upf
