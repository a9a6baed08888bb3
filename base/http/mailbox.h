// Deferred replies on their way back to the worker whose connection waits for them.
#pragma once

#include <cstdint>
#include <mutex>
#include <vector>

#include "base/error.h"
#include "base/http/message.h"
#include "base/unique_fd.h"

namespace sluice::http {

class Mailbox {
 public:
  struct Letter {
    int fd = -1;          // of the connection
    uint64_t serial = 0;  // of the connection: descriptors are used again
    uint32_t ticket = 0;
    Response response;
  };

  // kUnavailable when the process is out of descriptors.
  static Result<std::shared_ptr<Mailbox>> make();

  // From any thread. Makes fd() readable.
  void post(Letter letter);

  // Makes fd() readable, whether or not there is anything to take.
  void wake();

  // Everything posted since the last call. By the worker.
  std::vector<Letter> take();

  int fd() const { return event_.get(); }

 private:
  explicit Mailbox(UniqueFd event) : event_(std::move(event)) {}

  const UniqueFd event_;
  std::mutex mutex_;
  std::vector<Letter> letters_;
};

}  // namespace sluice::http
