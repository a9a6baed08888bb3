// For tests: a client that sends exactly the bytes it is told to, over a real socket.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <charconv>
#include <chrono>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

#include "base/http/message.h"
#include "base/unique_fd.h"

namespace sluice::http {

class LoopbackClient {
 public:
  struct Reply {
    int status = 0;
    Headers headers;
    std::string body;
  };

  // `patience` bounds each read and write, so that a stalled server fails a test and not hangs it.
  explicit LoopbackClient(uint16_t port,
                          std::chrono::milliseconds patience = std::chrono::seconds(10))
      : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const timeval limit{.tv_sec = patience.count() / 1000,
                        .tv_usec = patience.count() % 1000 * 1000};
    ::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    ::setsockopt(socket_.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) {
      throw std::runtime_error(errno_error("connect").message);
    }
  }

  // False when the server does not take it all.
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t n = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n <= 0) return false;
      bytes.remove_prefix(static_cast<size_t>(n));
    }
    return true;
  }
  // Leaves without a word: the server gets a reset.
  void reset() {
    const linger at_once{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(socket_.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    socket_.reset();
  }
  void end_of_input() { ::shutdown(socket_.get(), SHUT_WR); }

  // The next reply; nothing when the stream ends, stalls or is reset before it is complete.
  std::optional<Reply> read_reply(bool to_head = false) {
    size_t end = 0;
    while ((end = buffer_.find("\r\n\r\n")) == std::string::npos) {
      if (!receive()) return std::nullopt;
    }
    Reply reply;
    std::string_view header = std::string_view(buffer_).substr(0, end + 2);
    std::from_chars(header.data() + 9, header.data() + 12, reply.status);
    header.remove_prefix(header.find("\r\n") + 2);
    while (!header.empty()) {
      const auto line = header.substr(0, header.find("\r\n"));
      header.remove_prefix(line.size() + 2);
      const auto colon = line.find(':');
      const auto value = line.find_first_not_of(' ', colon + 1);
      reply.headers.add(std::string(line.substr(0, colon)),
                        std::string(value == std::string_view::npos ? "" : line.substr(value)));
    }
    buffer_.erase(0, end + 4);
    const auto length = reply.headers.get("Content-Length");
    const size_t size = to_head || !length ? 0 : std::stoul(std::string(*length));
    while (buffer_.size() < size) {
      if (!receive()) return std::nullopt;
    }
    reply.body = buffer_.substr(0, size);
    buffer_.erase(0, size);
    return reply;
  }

  // Whatever comes next; nothing when the stream ends, stalls or is reset.
  std::string read_some() {
    if (buffer_.empty()) receive();
    return std::exchange(buffer_, {});
  }

  // Whether the server ends the stream in order, with nothing more before.
  bool reads_end() {
    if (!buffer_.empty()) return false;
    char byte = 0;
    return ::recv(socket_.get(), &byte, 1, 0) == 0;
  }

 private:
  bool receive() {
    char chunk[64 * 1024];
    const ssize_t n = ::recv(socket_.get(), chunk, sizeof chunk, 0);
    if (n <= 0) return false;
    buffer_.append(chunk, static_cast<size_t>(n));
    return true;
  }

  UniqueFd socket_;
  std::string buffer_;
};

}  // namespace sluice::http
