#include "mep/dns/tcp_connection.h"

#include <array>
#include <cerrno>

namespace sluice::mep::dns {
namespace {

bool would_block() { return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR; }

}  // namespace

TcpConnection::TcpConnection(EventLoop& loop, UniqueFd socket, const IpAddress& client,
                             Resolver& resolver, Callback before_batch, Callback ended)
    : loop_(loop),
      socket_(std::move(socket)),
      client_(client),
      resolver_(resolver),
      before_batch_(std::move(before_batch)),
      ended_(std::move(ended)),
      last_active_(EventLoop::Clock::now()) {}

TcpConnection::~TcpConnection() { loop_.unwatch(socket_.get()); }

void TcpConnection::start() { go_on(); }

bool TcpConnection::may_read() const {
  return !client_is_done_ && waiting_ < kMaxWaiting && unsent() < kMaxUnsent;
}

void TcpConnection::on_event(uint32_t events) {
  const auto self = shared_from_this();  // ended_() drops the owner's
  before_batch_();
  const bool readable = (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0;
  if (readable && may_read() && !read()) {
    ended_();
    return;
  }
  go_on();
}

bool TcpConnection::read() {
  std::array<uint8_t, 16'384> buffer;
  const auto size = recv(socket_.get(), buffer.data(), buffer.size(), 0);
  if (size < 0) return would_block();
  if (size == 0) client_is_done_ = true;
  put_bytes(in_, Bytes(buffer).first(static_cast<size_t>(size)));
  return true;
}

bool TcpConnection::handle_queries() {
  size_t at = 0;
  bool good = true;
  while (good && waiting_ < kMaxWaiting && unsent() < kMaxUnsent && in_.size() - at >= 2) {
    const size_t length = get_u16(in_, at);
    if (in_.size() - at - 2 < length) break;
    good = handle(Bytes(in_).subspan(at + 2, length));
    at += 2 + length;
  }
  in_.erase(in_.begin(), in_.begin() + static_cast<long>(at));
  return good;
}

bool TcpConnection::handle(Bytes query) {
  last_active_ = EventLoop::Clock::now();
  const auto outcome =
      resolver_.handle(query, client_, Transport::kTcp, response_, [this]() -> Resolver::Reply {
        return [weak = weak_from_this()](Bytes response) {
          const auto self = weak.lock();
          if (!self) return;
          --self->waiting_;
          self->queue(response);
          self->go_on();
        };
      });
  if (outcome == Resolver::Outcome::kLater) ++waiting_;
  if (outcome == Resolver::Outcome::kAnswered) queue(response_);
  return outcome != Resolver::Outcome::kSilence;
}

void TcpConnection::queue(Bytes response) {
  put_u16(out_, static_cast<uint16_t>(response.size()));
  put_bytes(out_, response);
}

bool TcpConnection::write() {
  while (unsent() != 0) {
    const auto size = send(socket_.get(), out_.data() + sent_, unsent(), MSG_NOSIGNAL);
    if (size < 0) return would_block();
    sent_ += static_cast<size_t>(size);
    last_active_ = EventLoop::Clock::now();
  }
  out_.clear();
  sent_ = 0;
  return true;
}

void TcpConnection::go_on() {
  const auto self = shared_from_this();
  bool good = true;
  size_t before = 0;
  do {
    before = in_.size();
    good = handle_queries() && write();
  } while (good && before != in_.size());  // what is sent makes room for more
  if (!good || (client_is_done_ && !is_busy())) {
    ended_();
    return;
  }
  const uint32_t wanted =
      (may_read() ? uint32_t{EPOLLIN} : 0U) | (unsent() != 0 ? uint32_t{EPOLLOUT} : 0U);
  if (wanted == watched_ && wanted != 0) return;
  watched_ = wanted;
  // With nothing wanted, a closed connection would be reported without end.
  if (wanted == 0) {
    loop_.unwatch(socket_.get());
  } else {
    loop_.watch(socket_.get(), wanted, [this](uint32_t events) { on_event(events); });
  }
}

}  // namespace sluice::mep::dns
