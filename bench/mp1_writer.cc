// Changes rules over HTTP/2 as fast as they are acknowledged: what h2load cannot, whose requests
// all have the same content.
//
//   mp1_writer --port PORT --path /…/traffic_rules/ --token FILE --rule FILE
//
// The rule is a template: RULE_ID and RULE_STATE are filled in, each request with another of the
// rules, from one state to the other and back. Prints one JSON line: changes a second, and those
// that were refused.
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <nghttp2/nghttp2.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <memory>
#include <stdexcept>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/command_line.h"

namespace {

using Clock = std::chrono::steady_clock;

struct Work {
  uint16_t port = 0;
  std::string path;
  std::string token;
  std::string rule;
  size_t rules = 200;
  size_t connections = 4;
  size_t streams = 64;  // of each
  double seconds = 8;

  size_t sent = 0;
  size_t done = 0;
  size_t refused = 0;
  bool stopping = false;
};

std::string replaced(std::string text, std::string_view what, std::string_view by) {
  if (const auto at = text.find(what); at != std::string::npos) text.replace(at, what.size(), by);
  return text;
}

std::string content_of(const std::string& file) {
  std::ifstream in(file);
  return {std::istreambuf_iterator<char>(in), {}};
}

class Connection {
 public:
  explicit Connection(Work& work) : work_(work) {
    fd_ = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(work.port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(fd_, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) {
      throw std::runtime_error("cannot connect");
    }
    const int on = 1;
    ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    nghttp2_session_callbacks* callbacks = nullptr;
    nghttp2_session_callbacks_new(&callbacks);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_close);
    nghttp2_session_client_new(&session_, callbacks, this);
    nghttp2_session_callbacks_del(callbacks);
    nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, nullptr, 0);
    nghttp2_session_set_local_window_size(session_, NGHTTP2_FLAG_NONE, 0, 1 << 24);
    for (size_t i = 0; i < work.streams; ++i) ask();
    send();
  }
  ~Connection() {
    nghttp2_session_del(session_);
    ::close(fd_);
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  int fd() const { return fd_; }

  void read() {
    std::array<uint8_t, 65'536> buffer;
    const ssize_t n = ::recv(fd_, buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (n == 0) throw std::runtime_error("the server closed the connection");
    if (n > 0 && nghttp2_session_mem_recv(session_, buffer.data(), static_cast<size_t>(n)) < 0) {
      throw std::runtime_error("the server does not speak HTTP/2");
    }
    send();
  }

 private:
  struct Body {
    std::string text;
    size_t sent = 0;
  };

  void ask() {
    const size_t n = work_.sent++;
    const auto id = "rule" + std::to_string(n % work_.rules);
    const auto* state = n / work_.rules % 2 == 0 ? "ACTIVE" : "INACTIVE";
    auto body = std::make_unique<Body>();
    body->text = replaced(replaced(work_.rule, "RULE_ID", id), "RULE_STATE", state);
    const auto address = "198.51.100." + std::to_string(n % work_.rules % 250);
    body->text = replaced(std::move(body->text), "RULE_ADDRESS", address);
    const std::string path = work_.path + id;
    const std::string authorization = "Bearer " + work_.token;
    const auto field = [](const char* name, std::string_view value) {
      return nghttp2_nv{reinterpret_cast<uint8_t*>(const_cast<char*>(name)),
                        reinterpret_cast<uint8_t*>(const_cast<char*>(value.data())),
                        std::char_traits<char>::length(name), value.size(), NGHTTP2_NV_FLAG_NONE};
    };
    const std::array fields = {field(":method", "PUT"),
                               field(":scheme", "http"),
                               field(":authority", "127.0.0.1"),
                               field(":path", path),
                               field("content-type", "application/json"),
                               field("authorization", authorization)};
    nghttp2_data_provider provider{{.ptr = body.get()}, read_body};
    const auto stream =
        nghttp2_submit_request(session_, nullptr, fields.data(), fields.size(), &provider, nullptr);
    if (stream < 0) throw std::runtime_error("no more streams");
    bodies_.emplace(stream, std::move(body));
  }

  void send() {
    std::string out;
    const uint8_t* bytes = nullptr;
    ssize_t n = 0;
    while ((n = nghttp2_session_mem_send(session_, &bytes)) > 0) {
      out.append(reinterpret_cast<const char*>(bytes), static_cast<size_t>(n));
    }
    for (size_t sent = 0; sent < out.size();) {
      const auto done = ::send(fd_, out.data() + sent, out.size() - sent, MSG_NOSIGNAL);
      if (done <= 0) throw std::runtime_error("the server takes no more");
      sent += static_cast<size_t>(done);
    }
  }

  static ssize_t read_body(nghttp2_session*, int32_t, uint8_t* buffer, size_t size, uint32_t* flags,
                           nghttp2_data_source* source, void*) {
    auto& body = *static_cast<Body*>(source->ptr);
    const size_t n = std::min(size, body.text.size() - body.sent);
    std::copy_n(body.text.data() + body.sent, n, buffer);
    body.sent += n;
    if (body.sent == body.text.size()) *flags |= NGHTTP2_DATA_FLAG_EOF;
    return static_cast<ssize_t>(n);
  }

  static int on_header(nghttp2_session*, const nghttp2_frame*, const uint8_t* name,
                       size_t name_size, const uint8_t* value, size_t value_size, uint8_t,
                       void* user) {
    const std::string_view n(reinterpret_cast<const char*>(name), name_size);
    const std::string_view v(reinterpret_cast<const char*>(value), value_size);
    if (n == ":status" && v != "200") ++static_cast<Connection*>(user)->work_.refused;
    return 0;
  }

  static int on_close(nghttp2_session*, int32_t id, uint32_t error, void* user) {
    auto& self = *static_cast<Connection*>(user);
    if (error != NGHTTP2_NO_ERROR) ++self.work_.refused;
    self.bodies_.erase(id);
    if (!self.work_.stopping) {
      ++self.work_.done;
      self.ask();
    }
    return 0;
  }

  Work& work_;
  int fd_ = -1;
  nghttp2_session* session_ = nullptr;
  std::unordered_map<int32_t, std::unique_ptr<Body>> bodies_;  // of requests under way
};

void run(Work& work) {
  std::vector<std::unique_ptr<Connection>> connections;
  std::vector<pollfd> watched;
  for (size_t i = 0; i < work.connections; ++i) {
    connections.push_back(std::make_unique<Connection>(work));
    watched.push_back({connections.back()->fd(), POLLIN, 0});
  }
  const auto start = Clock::now();
  const std::chrono::duration<double> length(work.seconds);
  while (Clock::now() - start < length) {
    ::poll(watched.data(), watched.size(), 100);
    for (size_t i = 0; i < connections.size(); ++i) {
      if (watched[i].revents != 0) connections[i]->read();
    }
  }
  work.stopping = true;
  const std::chrono::duration<double> took = Clock::now() - start;
  std::printf(R"({"per_s":%.0f,"refused":%zu})"
              "\n",
              static_cast<double>(work.done) / took.count(), work.refused);
}

}  // namespace

int main(int argc, char** argv) {
  sluice::CommandLine line("mp1_writer",
                           "Changes rules over HTTP/2 as fast as they are acknowledged.");
  Work work;
  std::string token;
  std::string rule;
  line.option("--port", &work.port).required();
  line.option("--path", &work.path, "Of the rules, with the slash at its end").required();
  line.option("--token", &token, "File with the access token").required();
  line.option("--rule", &rule, "File with the template").required();
  line.option("--rules", &work.rules, "Their number");
  line.option("--connections", &work.connections);
  line.option("--streams", &work.streams, "Of each connection");
  line.option("--seconds", &work.seconds);
  if (const auto code = line.parse(argc, argv)) return *code;
  work.token = content_of(token);
  work.rule = content_of(rule);
  try {
    run(work);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "%s\n", e.what());
    return 1;
  }
  return 0;
}
