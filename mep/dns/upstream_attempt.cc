#include "mep/dns/upstream_attempt.h"

#include <sys/uio.h>

#include <array>
#include <cerrno>

#include "mep/dns/wire.h"

namespace sluice::mep::dns {
namespace {

// A few may be late answers to an earlier owner of the port; more look like guessing.
constexpr unsigned kMaxMisfits = 5;

size_t question_bytes(Bytes query) { return *skip_name(query, kHeaderBytes) + 4 - kHeaderBytes; }

bool would_block() { return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR; }

}  // namespace

bool is_response_to(Bytes response, Bytes query) {
  if (response.size() < kHeaderBytes || get_u16(response, 0) != get_u16(query, 0)) return false;
  const uint16_t flags = get_u16(response, 2);
  if ((flags & flag::kResponse) == 0 || (flags & flag::kOpcode) != 0) return false;
  if (get_u16(response, 4) == 0) return (flags & flag::kRcode) != 0;
  const size_t length = question_bytes(query);
  return get_u16(response, 4) == 1 && response.size() >= kHeaderBytes + length &&
         std::memcmp(response.data() + kHeaderBytes, query.data() + kHeaderBytes, length) == 0;
}

UpstreamAttempt::UpstreamAttempt(EventLoop& loop, const Endpoint& upstream,
                                 std::vector<uint8_t> query, std::chrono::milliseconds timeout,
                                 Counters& counters, Done done)
    : loop_(loop),
      upstream_(upstream),
      query_(std::move(query)),
      timeout_(timeout),
      counters_(counters),
      done_(std::move(done)) {}

UpstreamAttempt::~UpstreamAttempt() { close(); }

void UpstreamAttempt::close() {
  if (!socket_) return;
  loop_.unwatch(socket_.get());
  socket_.reset();
}

Result<void> UpstreamAttempt::connect(int kind) {
  close();
  auto socket = connected_socket(upstream_, kind);
  if (!socket) return std::unexpected(socket.error());
  socket_ = std::move(*socket);
  deadline_ = EventLoop::Clock::now() + timeout_;
  return {};
}

Result<void> UpstreamAttempt::start() {
  if (auto ok = connect(SOCK_DGRAM); !ok) return ok;
  if (send(socket_.get(), query_.data(), query_.size(), 0) < 0) {
    return std::unexpected(errno_error("send " + upstream_.to_string()));
  }
  loop_.watch(socket_.get(), EPOLLIN, [this](uint32_t) { on_datagram(); });
  return {};
}

void UpstreamAttempt::check_deadline(EventLoop::Clock::time_point now) {
  if (now >= deadline_) finish(fail(ErrorCode::kUnavailable, "does not answer"));
}

void UpstreamAttempt::finish(Result<std::vector<uint8_t>> result) {
  close();
  const auto done = std::move(done_);
  done(std::move(result));  // may have destroyed this
}

void UpstreamAttempt::on_datagram() {
  std::array<uint8_t, 4096> buffer;
  const auto size = recv(socket_.get(), buffer.data(), buffer.size(), MSG_TRUNC);
  if (size < 0) {
    if (!would_block()) finish(std::unexpected(errno_error("receive")));
    return;
  }
  const bool whole = static_cast<size_t>(size) <= buffer.size();
  const auto response = Bytes(buffer).first(whole ? static_cast<size_t>(size) : 0);
  if (!is_response_to(response, query_)) {
    count(counters_.false_responses);
    if (++misfits_ > kMaxMisfits) start_tcp();
    return;
  }
  if ((get_u16(response, 2) & flag::kTruncated) != 0) {
    start_tcp();
    return;
  }
  finish(std::vector<uint8_t>(response.begin(), response.end()));
}

void UpstreamAttempt::start_tcp() {
  if (auto ok = connect(SOCK_STREAM); !ok) {
    finish(std::unexpected(ok.error()));
    return;
  }
  loop_.watch(socket_.get(), EPOLLOUT, [this](uint32_t events) { on_stream(events); });
}

void UpstreamAttempt::on_stream(uint32_t events) {
  const size_t all = query_.size() + 2;
  if (written_ < all) {
    write_query();
  } else if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) {
    read_response();
  }
}

void UpstreamAttempt::write_query() {
  std::array<uint8_t, 2> length{};
  set_u16(length, 0, static_cast<uint16_t>(query_.size()));
  const size_t of_length = std::min<size_t>(written_, 2);
  const size_t of_query = written_ - of_length;
  std::array<iovec, 2> parts{
      {{length.data() + of_length, 2 - of_length},
       {const_cast<uint8_t*>(query_.data()) + of_query, query_.size() - of_query}}};
  msghdr message{};
  message.msg_iov = parts.data();
  message.msg_iovlen = parts.size();
  const auto sent = sendmsg(socket_.get(), &message, MSG_NOSIGNAL);
  if (sent < 0) {
    if (!would_block()) finish(std::unexpected(errno_error("send over TCP")));
    return;
  }
  written_ += static_cast<size_t>(sent);
  if (written_ < query_.size() + 2) return;
  loop_.watch(socket_.get(), EPOLLIN, [this](uint32_t e) { on_stream(e); });
}

void UpstreamAttempt::read_response() {
  std::array<uint8_t, 16'384> buffer;
  const auto size = recv(socket_.get(), buffer.data(), buffer.size(), 0);
  if (size < 0 && would_block()) return;
  if (size < 0) {
    finish(std::unexpected(errno_error("receive over TCP")));
    return;
  }
  put_bytes(received_, Bytes(buffer).first(static_cast<size_t>(size)));
  if (received_.size() >= 2 && received_.size() >= get_u16(received_, 0) + size_t{2}) {
    const auto response = Bytes(received_).subspan(2, get_u16(received_, 0));
    if (is_response_to(response, query_) && (get_u16(response, 2) & flag::kTruncated) == 0) {
      finish(std::vector<uint8_t>(response.begin(), response.end()));
    } else {
      finish(fail(ErrorCode::kUnavailable, "answers something else over TCP"));
    }
  } else if (size == 0) {
    finish(fail(ErrorCode::kUnavailable, "ends the TCP connection"));
  }
}

}  // namespace sluice::mep::dns
