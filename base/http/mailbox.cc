#include "base/http/mailbox.h"

#include <sys/eventfd.h>
#include <unistd.h>

namespace sluice::http {

Result<std::shared_ptr<Mailbox>> Mailbox::make() {
  UniqueFd event(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  if (!event) return std::unexpected(errno_error("eventfd"));
  return std::shared_ptr<Mailbox>(new Mailbox(std::move(event)));
}

void Mailbox::post(Letter letter) {
  bool first = false;
  {
    const std::lock_guard lock(mutex_);
    first = letters_.empty();
    letters_.push_back(std::move(letter));
  }
  if (first) wake();  // otherwise the worker has been told and has not come yet
}

void Mailbox::wake() {
  const uint64_t one = 1;
  [[maybe_unused]] const auto n = ::write(event_.get(), &one, sizeof one);
}

std::vector<Mailbox::Letter> Mailbox::take() {
  uint64_t count = 0;
  [[maybe_unused]] const auto n = ::read(event_.get(), &count, sizeof count);
  const std::lock_guard lock(mutex_);
  return std::exchange(letters_, {});
}

}  // namespace sluice::http
