#include "mp2/line_connection.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

namespace sluice::mp2 {
namespace {

// Read at most this much before other descriptors get their turn.
constexpr size_t kReadAtOnce = size_t{1} << 20;

}  // namespace

LineConnection::LineConnection(EventLoop& loop, UniqueFd fd, size_t max_line, Callbacks callbacks)
    : loop_(loop), fd_(std::move(fd)), max_line_(max_line), callbacks_(std::move(callbacks)) {
  watch();
}

LineConnection::~LineConnection() { loop_.unwatch(fd_.get()); }

void LineConnection::watch() {
  const uint32_t events = EPOLLIN | (unsent() > 0 ? uint32_t{EPOLLOUT} : 0U);
  loop_.watch(fd_.get(), events, [this](uint32_t ready) { on_events(ready); });
}

void LineConnection::on_events(uint32_t events) {
  auto alive = flush();
  if (alive && (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) alive = receive();
  if (alive) return;
  loop_.unwatch(fd_.get());
  callbacks_.on_close(alive.error().message);  // may destroy this
}

Result<void> LineConnection::receive() {
  const size_t before = in_.size();
  in_.resize(before + kReadAtOnce);
  const ssize_t n = recv(fd_.get(), in_.data() + before, kReadAtOnce, 0);
  const int error = errno;
  in_.resize(before + (n > 0 ? static_cast<size_t>(n) : 0));
  if (n == 0) return fail(ErrorCode::kUnavailable, "the peer closed the connection");
  if (n < 0) {
    if (error == EAGAIN || error == EINTR) return {};
    errno = error;
    return std::unexpected(errno_error("recv"));
  }
  return deliver_lines();
}

Result<void> LineConnection::deliver_lines() {
  size_t begin = 0;
  for (size_t end; (end = in_.find('\n', std::max(begin, searched_))) != std::string::npos;) {
    if (end - begin > max_line_) break;
    if (auto ok = callbacks_.on_line(std::string_view(in_).substr(begin, end - begin)); !ok) {
      return ok;
    }
    begin = end + 1;
  }
  in_.erase(0, begin);
  searched_ = in_.size();
  if (in_.size() > max_line_) {
    return fail(ErrorCode::kResourceExhausted, "a line exceeds {} bytes", max_line_);
  }
  return {};
}

void LineConnection::send(std::string_view line) {
  const bool idle = unsent() == 0;
  out_.append(line);
  // Writing now saves a turn of the loop; an error is left to on_events, which finds it again.
  if (idle) (void)flush();
  watch();
}

Result<void> LineConnection::flush() {
  while (unsent() > 0) {
    const ssize_t n = ::send(fd_.get(), out_.data() + sent_, unsent(), MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) break;
    if (n < 0) return std::unexpected(errno_error("send"));
    sent_ += static_cast<size_t>(n);
  }
  if (unsent() > 2 * max_line_) {
    return fail(ErrorCode::kResourceExhausted, "the peer does not read");
  }
  if (unsent() == 0 && sent_ > 0) {
    out_.clear();
    out_.shrink_to_fit();  // a whole rule set may have been in it
    sent_ = 0;
    watch();
  }
  return {};
}

}  // namespace sluice::mp2
