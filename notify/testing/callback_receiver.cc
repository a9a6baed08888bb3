#include "notify/testing/callback_receiver.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <array>
#include <charconv>
#include <stdexcept>

#include "base/error.h"

namespace sluice::notify {
namespace {

int checked(int result, const char* what) {
  if (result < 0) throw std::runtime_error(errno_error(what).to_string());
  return result;
}

size_t content_length(std::string_view header) {
  constexpr std::string_view kName = "Content-Length: ";
  const auto at = header.find(kName);
  size_t out = 0;
  if (at != std::string_view::npos) {
    const auto digits = header.substr(at + kName.size());
    std::from_chars(digits.data(), digits.data() + digits.size(), out);
  }
  return out;
}

}  // namespace

CallbackReceiver::CallbackReceiver(Handler handler, uint16_t port)
    : handler_(std::move(handler)),
      listener_(
          checked(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), "socket")) {
  const int on = 1;
  ::setsockopt(listener_.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_port = htons(port);
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof at;
  checked(::bind(listener_.get(), reinterpret_cast<const sockaddr*>(&at), size), "bind");
  checked(::listen(listener_.get(), 4096), "listen");
  checked(::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&at), &size), "getsockname");
  port_ = ntohs(at.sin_port);
  loop_.watch(listener_.get(), EPOLLIN, [this](uint32_t) { accept_all(); });
  thread_ = std::thread([this] { loop_.run(); });
}

CallbackReceiver::~CallbackReceiver() {
  loop_.stop();
  thread_.join();
}

std::string CallbackReceiver::uri(std::string_view path) const {
  return fmt::format("http://127.0.0.1:{}{}", port_, path);
}

void CallbackReceiver::accept_all() {
  int fd = -1;
  while ((fd = ::accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
    const int on = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    connections_[fd].fd.reset(fd);
    loop_.watch(fd, EPOLLIN, [this, fd](uint32_t) { read(fd); });
  }
}

void CallbackReceiver::read(int fd) {
  auto& connection = connections_.at(fd);
  std::array<char, 64 * 1024> chunk;
  const auto n = ::recv(fd, chunk.data(), chunk.size(), 0);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (n <= 0) return close(fd);
  connection.input.append(chunk.data(), static_cast<size_t>(n));
  while (serve_one(connection)) {
  }
  flush(connection);
}

bool CallbackReceiver::serve_one(Connection& connection) {
  const std::string_view input = connection.input;
  const auto end = input.find("\r\n\r\n");
  if (end == std::string_view::npos) return false;
  const auto header = input.substr(0, end + 2);
  const auto length = content_length(header);
  if (input.size() < end + 4 + length) return false;
  const auto from = header.find(' ') + 1;
  const ReceivedRequest request{header.substr(from, header.find(' ', from) - from), header,
                                input.substr(end + 4, length)};
  const auto answer = handler_(request);
  if (answer.status != 0) {
    connection.output += fmt::format("HTTP/1.1 {} X\r\n{}", answer.status, answer.fields);
    if (answer.status != 204) {
      connection.output += fmt::format("Content-Length: {}\r\n", answer.body.size());
    }
    connection.output += "\r\n" + answer.body;
  }
  connection.input.erase(0, end + 4 + length);
  return true;
}

// Answers are short: the socket takes them whole, or the sender is not interested.
void CallbackReceiver::flush(Connection& connection) {
  if (connection.output.empty()) return;
  [[maybe_unused]] const auto n =
      ::send(connection.fd.get(), connection.output.data(), connection.output.size(), MSG_NOSIGNAL);
  connection.output.clear();
}

void CallbackReceiver::close(int fd) {
  loop_.unwatch(fd);
  connections_.erase(fd);
}

}  // namespace sluice::notify
