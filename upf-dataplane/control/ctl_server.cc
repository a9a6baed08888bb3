#include "upf-dataplane/control/ctl_server.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "mp2/unix_socket.h"

namespace sluice::upf {

using nlohmann::json;

// One operator. While a capture runs the stream is pcapng and requests are not read.
class CtlServer::Connection final : public CaptureSink {
 public:
  Connection(CtlServer& server, UniqueFd fd)
      : server_(server),
        line_(server.loop_, std::move(fd), kMaxLine,
              {.on_line = [this](std::string_view line) { return on_line(line); },
               .on_close = [this](const std::string&) { server_.forget(this); }}) {}
  ~Connection() override {
    if (captures_) server_.handler_.end_capture();
  }

  bool write(std::string_view bytes) override {
    if (line_.unsent() + bytes.size() > kMaxLine) return false;
    line_.send(bytes);
    return true;
  }
  // The stream ends where the connection does.
  void finish() override {
    captures_ = false;
    is_over_ = true;
    server_.close_when_read(this);
  }
  bool is_read() const { return line_.unsent() == 0; }

 private:
  Result<void> on_line(std::string_view line) {
    if (captures_ || is_over_) return fail(ErrorCode::kInvalidArgument, "a capture is running");
    const auto request = json::parse(line, nullptr, false);
    if (!request.is_object() || !request.contains("command") || !request["command"].is_string()) {
      reply({{"error", "not a JSON object with a command"}});
      return {};
    }
    if (request["command"] == "capture") return begin_capture(request);
    const auto answer = server_.handler_.answer(request);
    reply(answer ? json{{"answer", *answer}} : json{{"error", answer.error().to_string()}});
    return {};
  }

  // The first line says whether it began; everything behind it is the stream.
  Result<void> begin_capture(const json& request) {
    if (auto begun = server_.handler_.begin_capture(request, *this); !begun) {
      reply({{"error", begun.error().to_string()}});
      return {};
    }
    captures_ = true;
    reply({{"answer", "capture"}});
    return {};
  }

  void reply(const json& answer) {
    line_.send(answer.dump(-1, ' ', false, json::error_handler_t::replace) + "\n");
  }

  CtlServer& server_;
  mp2::LineConnection line_;
  bool captures_ = false;
  bool is_over_ = false;
};

Result<std::unique_ptr<CtlServer>> CtlServer::listen(EventLoop& loop, std::string path,
                                                     const std::optional<std::string>& group,
                                                     CtlHandler& handler) {
  auto listener = mp2::listen_unix(path, group);
  if (!listener) return std::unexpected(listener.error());
  return std::unique_ptr<CtlServer>(
      new CtlServer(loop, std::move(path), handler, *std::move(listener)));
}

CtlServer::CtlServer(EventLoop& loop, std::string path, CtlHandler& handler, UniqueFd listener)
    : loop_(loop), path_(std::move(path)), handler_(handler), listener_(std::move(listener)) {
  loop_.watch(listener_.get(), EPOLLIN, [this](uint32_t) { accept_one(); });
}

CtlServer::~CtlServer() {
  loop_.unwatch(listener_.get());
  loop_.cancel(closing_);
  connections_.clear();
  unlink(path_.c_str());
}

void CtlServer::accept_one() {
  UniqueFd fd(accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (!fd || connections_.size() >= kMaxConnections) return;
  connections_.push_back(std::make_unique<Connection>(*this, std::move(fd)));
}

void CtlServer::forget(const Connection* connection) {
  connections_.remove_if([&](const auto& own) { return own.get() == connection; });
}

void CtlServer::close_when_read(const Connection* connection) {
  closing_ = loop_.after(std::chrono::milliseconds(10), [this, connection] {
    const auto found = std::ranges::find_if(
        connections_, [&](const auto& own) { return own.get() == connection; });
    if (found == connections_.end()) return;
    (*found)->is_read() ? forget(connection) : close_when_read(connection);
  });
}

}  // namespace sluice::upf
