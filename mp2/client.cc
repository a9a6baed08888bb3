#include "mp2/client.h"

#include <algorithm>

#include "base/log.h"
#include "mp2/unix_socket.h"

namespace sluice::mp2 {

Mp2Client::Mp2Client(EventLoop& loop, Mp2ClientConfig config, Mp2ClientHandler& handler)
    : loop_(loop), config_(std::move(config)), handler_(handler), delay_(config_.first_delay) {
  try_connect();
}

Mp2Client::~Mp2Client() { loop_.cancel(retry_); }

void Mp2Client::try_connect() {
  auto fd = connect_unix(config_.path);
  if (!fd) {
    if (!outage_logged_) {
      spdlog::warn("mp2 UPF not reachable, trying on reason=\"{}\"", fd.error().message);
      outage_logged_ = true;
    }
    retry_later();
    return;
  }
  connected_at_ = EventLoop::Clock::now();
  connection_ = std::make_unique<LineConnection>(
      loop_, std::move(*fd), config_.max_line,
      LineConnection::Callbacks{
          .on_line = [this](std::string_view line) { return on_line(line); },
          .on_close = [this](const std::string& reason) { on_close(reason); }});
}

void Mp2Client::retry_later() {
  retry_ = loop_.after(delay_, [this] { try_connect(); });
  delay_ = std::min(2 * delay_, config_.longest_delay);
}

void Mp2Client::on_close(const std::string& reason) {
  connection_.reset();
  if (EventLoop::Clock::now() - connected_at_ > config_.longest_delay) delay_ = config_.first_delay;
  retry_later();
  spdlog::warn("mp2 UPF disconnected reason=\"{}\"", reason);
  if (!std::exchange(greeted_, false)) return;
  handler_.on_disconnect();
}

Result<void> Mp2Client::on_line(std::string_view line) {
  auto message = decode(line);
  if (!message) return std::unexpected(message.error());
  if (const auto* hello = std::get_if<Hello>(&*message)) {
    if (greeted_) return fail(ErrorCode::kInvalidArgument, "a second hello");
    greeted_ = true;
    outage_logged_ = false;
    spdlog::info("mp2 UPF connected instance_id={} generation={}", hello->instance_id,
                 hello->installed.generation);
    handler_.on_hello(*hello);
    return {};
  }
  if (!greeted_) return fail(ErrorCode::kInvalidArgument, "a message before hello");
  if (const auto* applied = std::get_if<Applied>(&*message)) {
    return handler_.on_applied(*applied);
  } else if (const auto* refused = std::get_if<Refused>(&*message)) {
    return handler_.on_refused(*refused);
  } else if (const auto* status = std::get_if<Status>(&*message)) {
    handler_.on_status(*status);
  } else {
    return fail(ErrorCode::kInvalidArgument, "a UPF sends no replace and no update");
  }
  return {};
}

Result<void> Mp2Client::send(const Message& message) {
  if (!greeted_) return {};
  const auto line = encode(message);
  if (line.size() > config_.max_line) {
    return fail(ErrorCode::kResourceExhausted, "the message has {} bytes, Mp2 carries {}",
                line.size(), config_.max_line);
  }
  connection_->send(line);
  return {};
}

void Mp2Client::disconnect(const std::string& reason) {
  if (connection_) on_close(reason);
}

}  // namespace sluice::mp2
