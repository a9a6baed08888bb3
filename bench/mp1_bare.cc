// What Mp1 is measured against: one fixed reply by Pistache alone (HTTP/1.1) or by nghttp2 alone on
// one thread and epoll (HTTP/2), with nothing behind them.
//
//   mp1_bare --protocol h1|h2 --port PORT --body FILE
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <nghttp2/nghttp2.h>
#include <pistache/endpoint.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <array>
#include <cstring>
#include <fstream>
#include <iterator>
#include <memory>
#include <stdexcept>
#include <string>
#include <unordered_map>

#include "base/command_line.h"

namespace {

class Fixed : public Pistache::Http::Handler {
 public:
  HTTP_PROTOTYPE(Fixed)
  explicit Fixed(std::shared_ptr<const std::string> b) : body(std::move(b)) {}
  void onRequest(const Pistache::Http::Request&, Pistache::Http::ResponseWriter response) override {
    response.send(Pistache::Http::Code::Ok, *body, MIME(Application, Json));
  }

  std::shared_ptr<const std::string> body;
};

void serve_h1(uint16_t port, const std::string& body) {
  Pistache::Http::Endpoint server(
      Pistache::Address(Pistache::Ipv4::loopback(), Pistache::Port(port)));
  server.init(Pistache::Http::Endpoint::options()
                  .threads(1)
                  .flags(Pistache::Tcp::Options::ReuseAddr)
                  .maxRequestSize(16'384));
  server.setHandler(std::make_shared<Fixed>(std::make_shared<const std::string>(body)));
  server.serve();
}

// One HTTP/2 client.
class Session {
 public:
  Session(int fd, const std::string& body) : fd_(fd), body_(body) {
    nghttp2_session_callbacks* callbacks = nullptr;
    nghttp2_session_callbacks_new(&callbacks);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
    nghttp2_session_server_new(&session_, callbacks, this);
    nghttp2_session_callbacks_del(callbacks);
    const nghttp2_settings_entry streams{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 128};
    nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, &streams, 1);
  }
  ~Session() {
    nghttp2_session_del(session_);
    ::close(fd_);
  }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // False when the client is gone.
  bool on_ready() {
    std::array<uint8_t, 65'536> buffer;
    while (true) {
      const ssize_t n = ::recv(fd_, buffer.data(), buffer.size(), MSG_DONTWAIT);
      if (n == 0 || (n < 0 && errno != EAGAIN)) return false;
      if (n < 0) return true;
      if (nghttp2_session_mem_recv(session_, buffer.data(), static_cast<size_t>(n)) < 0) {
        return false;
      }
      if (!send()) return false;
    }
  }

 private:
  bool send() {
    std::string out;
    const uint8_t* bytes = nullptr;
    ssize_t n = 0;
    while ((n = nghttp2_session_mem_send(session_, &bytes)) > 0) {
      out.append(reinterpret_cast<const char*>(bytes), static_cast<size_t>(n));
    }
    // A client that does not read its small replies is no part of the measurement.
    return out.empty() ||
           ::send(fd_, out.data(), out.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(out.size());
  }

  static ssize_t read_body(nghttp2_session*, int32_t, uint8_t* buffer, size_t size, uint32_t* flags,
                           nghttp2_data_source* source, void*) {
    const auto& body = *static_cast<const std::string*>(source->ptr);
    if (body.size() > size) return NGHTTP2_ERR_CALLBACK_FAILURE;
    std::memcpy(buffer, body.data(), body.size());
    *flags |= NGHTTP2_DATA_FLAG_EOF;
    return static_cast<ssize_t>(body.size());
  }

  static int on_frame(nghttp2_session* session, const nghttp2_frame* frame, void* user) {
    if (frame->hd.type != NGHTTP2_HEADERS || (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) == 0) {
      return 0;
    }
    auto& self = *static_cast<Session*>(user);
    const auto field = [](const char* name, const std::string& value) {
      return nghttp2_nv{reinterpret_cast<uint8_t*>(const_cast<char*>(name)),
                        reinterpret_cast<uint8_t*>(const_cast<char*>(value.data())),
                        std::strlen(name), value.size(), NGHTTP2_NV_FLAG_NONE};
    };
    static const std::string ok = "200";
    static const std::string json = "application/json";
    const auto length = std::to_string(self.body_.size());
    const std::array fields = {field(":status", ok), field("content-type", json),
                               field("content-length", length)};
    nghttp2_data_provider body{{.ptr = const_cast<std::string*>(&self.body_)}, read_body};
    return nghttp2_submit_response(session, frame->hd.stream_id, fields.data(), fields.size(),
                                   &body);
  }

  int fd_;
  const std::string& body_;
  nghttp2_session* session_ = nullptr;
};

void serve_h2(uint16_t port, const std::string& body) {
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  const int on = 1;
  ::setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(listener, 1024) != 0) {
    throw std::runtime_error("cannot listen");
  }
  const int epoll = ::epoll_create1(0);
  const auto watch = [&](int fd) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = fd;
    ::epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
  };
  watch(listener);
  std::unordered_map<int, std::unique_ptr<Session>> sessions;
  std::array<epoll_event, 256> events;
  while (true) {
    const int n = ::epoll_wait(epoll, events.data(), static_cast<int>(events.size()), -1);
    for (int i = 0; i < n; ++i) {
      const int fd = events[static_cast<size_t>(i)].data.fd;
      if (fd != listener) {
        if (!sessions.at(fd)->on_ready()) sessions.erase(fd);
        continue;
      }
      const int client = ::accept(listener, nullptr, nullptr);
      if (client < 0) continue;
      ::setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      sessions[client] = std::make_unique<Session>(client, body);
      watch(client);
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  sluice::CommandLine line("mp1_bare", "One fixed reply, by the bare library.");
  std::string protocol;
  uint16_t port = 0;
  std::string file;
  line.option("--protocol", &protocol).required().one_of({"h1", "h2"});
  line.option("--port", &port).required();
  line.option("--body", &file, "File whose content is the reply").required();
  if (const auto code = line.parse(argc, argv)) return *code;
  std::ifstream in(file);
  const std::string body{std::istreambuf_iterator<char>(in), {}};
  protocol == "h1" ? serve_h1(port, body) : serve_h2(port, body);
  return 0;
}
