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

bool write_all(int fd, const char* data, size_t size) {
  while (size > 0) {
    const ssize_t n = ::write(fd, data, size);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    data += n;
    size -= static_cast<size_t>(n);
  }
  return true;
}

// A file whose last line is whole.
struct Opened {
  UniqueFd fd;
  uint64_t size = 0;
};

Result<Opened> open_file(const std::string& path) {
  Opened out{.fd = UniqueFd(::open(path.c_str(), O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0640))};
  struct stat status{};
  if (!out.fd || fstat(out.fd.get(), &status) != 0) {
    return std::unexpected(errno_error("open " + path));
  }
  out.size = static_cast<uint64_t>(status.st_size);
  char last = '\n';
  if (out.size > 0 && pread(out.fd.get(), &last, 1, status.st_size - 1) != 1) {
    return std::unexpected(errno_error("read " + path));
  }
  if (last == '\n') return out;
  if (!write_all(out.fd.get(), "\n", 1)) return std::unexpected(errno_error("write " + path));
  ++out.size;
  return out;
}

// Makes new names of files last; files themselves are synced one by one.
void sync_directory(const std::string& path) {
  const auto slash = path.rfind('/');
  const auto directory = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  const UniqueFd fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd && fsync(fd.get()) == 0) return;
  spdlog::warn("usage records not synced directory={} reason=\"{}\"", directory,
               std::generic_category().message(errno));
}

// Whether somebody has removed the file.
bool is_removed(int fd) {
  struct stat status{};
  return fstat(fd, &status) == 0 && status.st_nlink == 0;
}

std::string numbered(const std::string& path, uint32_t number) {
  return number == 0 ? path : path + "." + std::to_string(number);
}

}  // namespace

Result<std::unique_ptr<UsageLog>> UsageLog::open(UsageLogOptions options) {
  auto opened = open_file(options.path);
  if (!opened) return std::unexpected(opened.error());
  sync_directory(options.path);
  return std::unique_ptr<UsageLog>(
      new UsageLog(std::move(options), std::move(opened->fd), opened->size));
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
  // A file that is too large is better than no record.
  if (size_ >= options_.bytes && !rotate()) {
    spdlog::error("usage records not rotated file={} reason=\"{}\"", options_.path,
                  std::generic_category().message(errno));
  }
  if (fd_ && is_removed(fd_.get())) fd_.reset();
  if (!fd_ && !begin()) return false;
  if (!write_all(fd_.get(), lines.data(), lines.size())) {
    spdlog::error("usage records lost file={} reason=\"{}\"", options_.path,
                  std::generic_category().message(errno));
    // No part of a line stays before the next; what cannot be cut is ended when it is opened anew.
    if (ftruncate(fd_.get(), static_cast<off_t>(size_)) != 0) fd_.reset();
    return false;
  }
  size_ += lines.size();
  return fdatasync(fd_.get()) == 0;
}

bool UsageLog::begin() {
  auto opened = open_file(options_.path);
  if (!opened) {
    spdlog::error("usage records lost reason=\"{}\"", opened.error().message);
    return false;
  }
  fd_ = std::move(opened->fd);
  size_ = opened->size;
  return true;
}

bool UsageLog::rotate() {
  // What an earlier attempt has put aside without getting a new file is not moved on.
  const uint32_t last = access(options_.path.c_str(), F_OK) == 0 ? options_.files - 1 : 0;
  for (uint32_t number = last; number > 0; --number) {
    const auto from = numbered(options_.path, number - 1);
    const auto to = numbered(options_.path, number);
    if (std::rename(from.c_str(), to.c_str()) != 0 && errno != ENOENT) return false;
  }
  if (options_.files == 1 && unlink(options_.path.c_str()) != 0 && errno != ENOENT) return false;
  auto opened = open_file(options_.path);
  if (!opened) return false;
  fd_ = std::move(opened->fd);
  size_ = opened->size;
  sync_directory(options_.path);
  return true;
}

}  // namespace sluice::upf
