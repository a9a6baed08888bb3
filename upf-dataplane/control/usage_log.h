// An append-only file of records, one a line, written and synced by a thread of its own, so that
// nobody else waits for the disk. A file that has grown is put aside: NAME, NAME.1, NAME.2, …
#pragma once

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "base/error.h"
#include "base/unique_fd.h"

namespace sluice::upf {

struct UsageLogOptions {
  std::string path;                     // its directory exists
  uint64_t bytes = uint64_t{64} << 20;  // of a file, about
  uint32_t files = 10;                  // kept, the one in use included; at least 1
};

class UsageLog {
 public:
  // Opens the file, or begins it. What a crash cut off in the middle of a line is ended.
  static Result<std::unique_ptr<UsageLog>> open(UsageLogOptions options);
  ~UsageLog();  // writes what waits
  UsageLog(const UsageLog&) = delete;
  UsageLog& operator=(const UsageLog&) = delete;

  // Whole lines. They are with the system soon, and on the disk soon after; false when so much
  // waits for a slow disk that they are lost.
  bool append(std::string lines);

  // Times that lines were lost, because writing failed or the disk was too slow.
  uint64_t failures() const;

 private:
  static constexpr size_t kMostWaiting = size_t{64} << 20;  // bytes

  UsageLog(UsageLogOptions options, UniqueFd fd, uint64_t size);
  void run();
  bool write(const std::string& lines);
  bool begin();   // the file of the name anew
  bool rotate();  // false, with errno, when it goes on in the file that it has

  const UsageLogOptions options_;
  UniqueFd fd_;        // the thread's
  uint64_t size_ = 0;  // the thread's
  mutable std::mutex mutex_;
  std::condition_variable work_;
  std::string waiting_;
  uint64_t failures_ = 0;
  bool stopped_ = false;
  std::thread thread_;
};

}  // namespace sluice::upf
