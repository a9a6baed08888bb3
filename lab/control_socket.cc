#include "lab/control_socket.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <array>

namespace sluice::lab {
namespace {

using nlohmann::json;

Result<sockaddr_un> socket_address(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path) {
    return bad_field("control.socket", "a socket's path has 1 to {} characters",
                     sizeof address.sun_path - 1);
  }
  path.copy(address.sun_path, path.size());
  return address;
}

// Blocks until all is sent; clients of a control socket read what they asked for.
bool send_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const auto n = send(fd, text.data(), text.size(), MSG_NOSIGNAL);
    if (n <= 0) return false;
    text.remove_prefix(static_cast<size_t>(n));
  }
  return true;
}

}  // namespace

Result<std::unique_ptr<ControlServer>> ControlServer::open(EventLoop& loop, const std::string& path,
                                                           Handler handler) {
  const auto address = socket_address(path);
  if (!address) return std::unexpected(address.error());
  UniqueFd listener(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!listener) return std::unexpected(errno_error("control socket"));
  unlink(path.c_str());  // of an earlier run
  const auto* raw = reinterpret_cast<const sockaddr*>(&*address);
  const auto old_mask = umask(077);
  const int bound = bind(listener.get(), raw, sizeof *address);
  umask(old_mask);
  if (bound != 0 || listen(listener.get(), 16) != 0) {
    return std::unexpected(errno_error("control socket " + path));
  }
  return std::unique_ptr<ControlServer>(
      new ControlServer(loop, path, std::move(handler), std::move(listener)));
}

ControlServer::ControlServer(EventLoop& loop, std::string path, Handler handler, UniqueFd listener)
    : loop_(loop),
      path_(std::move(path)),
      handler_(std::move(handler)),
      listener_(std::move(listener)) {
  loop_.watch(listener_.get(), EPOLLIN, [this](uint32_t) { accept_client(); });
}

ControlServer::~ControlServer() {
  for (const auto& [fd, client] : clients_) loop_.unwatch(fd);
  loop_.unwatch(listener_.get());
  unlink(path_.c_str());
}

void ControlServer::accept_client() {
  UniqueFd fd(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
  if (!fd || clients_.size() >= kMaxClients) return;
  // A client that does not read its reply must not hold up the packets for long.
  const timeval patience{.tv_sec = 0, .tv_usec = 200'000};
  setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  const int raw = fd.get();
  clients_[raw].fd = std::move(fd);
  loop_.watch(raw, EPOLLIN, [this, raw](uint32_t) { serve(raw); });
}

void ControlServer::serve(int fd) {
  auto& client = clients_.at(fd);
  std::array<char, 4096> chunk;
  const auto n = recv(fd, chunk.data(), chunk.size(), MSG_DONTWAIT);
  if (n <= 0) return drop(fd);
  client.received.append(chunk.data(), static_cast<size_t>(n));
  for (size_t end; (end = client.received.find('\n')) != std::string::npos;) {
    const auto reply = reply_to(client.received.substr(0, end));
    client.received.erase(0, end + 1);
    if (!send_all(fd, reply)) return drop(fd);
  }
  if (client.received.size() > kMaxLine) drop(fd);
}

std::string ControlServer::reply_to(const std::string& line) const {
  const auto request = json::parse(line, nullptr, /*allow_exceptions=*/false);
  if (!request.is_object()) return "{\"error\":\"a request is one JSON object in one line\"}\n";
  const auto reply = handler_(request);
  return (reply ? *reply : json{{"error", reply.error().to_string()}}).dump() + "\n";
}

void ControlServer::drop(int fd) {
  loop_.unwatch(fd);
  clients_.erase(fd);
}

Result<json> ask(const std::string& path, const json& request) {
  const auto address = socket_address(path);
  if (!address) return std::unexpected(address.error());
  const UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (connect(fd.get(), reinterpret_cast<const sockaddr*>(&*address), sizeof *address) != 0) {
    return std::unexpected(errno_error("connect " + path));
  }
  if (!send_all(fd.get(), request.dump() + "\n")) return std::unexpected(errno_error("send"));
  std::string reply;
  std::array<char, 4096> chunk;
  while (!reply.ends_with('\n')) {
    const auto n = recv(fd.get(), chunk.data(), chunk.size(), 0);
    if (n <= 0) return fail(ErrorCode::kUnavailable, "{}: closed without a reply", path);
    reply.append(chunk.data(), static_cast<size_t>(n));
  }
  auto parsed = json::parse(reply, nullptr, /*allow_exceptions=*/false);
  if (parsed.is_discarded()) return fail(ErrorCode::kInternal, "{}: not JSON", path);
  return parsed;
}

}  // namespace sluice::lab
