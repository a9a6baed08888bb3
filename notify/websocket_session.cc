#include "notify/websocket_session.h"

#include <boost/beast/http/read.hpp>
#include <boost/beast/http/write.hpp>
#include <boost/beast/websocket/rfc6455.hpp>
#include <charconv>

namespace sluice::notify {
namespace {

namespace beast = boost::beast;
namespace websocket = beast::websocket;
using beast::error_code;

constexpr uint32_t kMaxHandshake = 8 * 1024;      // octets of its header
constexpr size_t kMaxIncomingMessage = 4 * 1024;  // octets; clients have nothing to say

// The last segment of the path: the base is whatever a front end makes of public_uri.
std::string token_of(std::string_view target) {
  const auto path = target.substr(0, target.find('?'));
  return std::string(path.substr(path.rfind('/') + 1));
}

}  // namespace

WebSocketSession::WebSocketSession(boost::asio::ip::tcp::socket socket, WebSocketHost& host)
    : stream_(std::move(socket)), host_(host) {}

void WebSocketSession::start(bool overloaded) {
  auto& tcp = beast::get_lowest_layer(stream_);
  tcp.expires_after(host_.options().handshake);
  error_code ignored;
  tcp.socket().set_option(boost::asio::ip::tcp::no_delay(true), ignored);
  request_.emplace();
  request_->header_limit(kMaxHandshake);
  request_->body_limit(0);
  beast::http::async_read(tcp, buffer_, *request_,
                          [self = shared_from_this(), overloaded](error_code error, size_t) {
                            if (error) return self->end();
                            if (overloaded) {
                              return self->refuse(beast::http::status::service_unavailable,
                                                  "all connections are taken, come back later");
                            }
                            self->on_request();
                          });
}

void WebSocketSession::on_request() {
  const auto& request = request_->get();
  token_ = token_of({request.target().data(), request.target().size()});
  if (!host_.knows(token_)) {
    return refuse(beast::http::status::not_found, "there is no such subscription");
  }
  if (!websocket::is_upgrade(request)) {
    return refuse(beast::http::status::upgrade_required, "this is a WebSocket URI");
  }
  beast::get_lowest_layer(stream_).expires_never();  // the stream has its own timeouts
  stream_.set_option(websocket::stream_base::timeout{
      host_.options().handshake, host_.options().idle, /*keep_alive_pings=*/true});
  stream_.read_message_max(kMaxIncomingMessage);
  stream_.text(true);
  stream_.control_callback([this](websocket::frame_type type, beast::string_view payload) {
    if (type == websocket::frame_type::pong) on_pong({payload.data(), payload.size()});
  });
  stream_.async_accept(request, [self = shared_from_this()](error_code error) {
    if (error) return self->end();
    self->request_.reset();
    self->open_ = true;
    self->read();
    self->host_.opened(self);
  });
}

void WebSocketSession::refuse(beast::http::status status, const char* detail) {
  refusal_ = {status, 11};
  refusal_.set(beast::http::field::content_type, "application/problem+json");
  refusal_.set(beast::http::field::connection, "close");
  if (status == beast::http::status::upgrade_required) {
    refusal_.set(beast::http::field::upgrade, "websocket");
  }
  const auto reason = beast::http::obsolete_reason(status);
  refusal_.body() = fmt::format(
      R"({{"type":"about:blank","title":"{}","status":{},"detail":"{}"}})",
      std::string_view(reason.data(), reason.size()), static_cast<unsigned>(status), detail);
  refusal_.prepare_payload();
  beast::http::async_write(beast::get_lowest_layer(stream_), refusal_,
                           [self = shared_from_this()](error_code, size_t) { self->end(); });
}

void WebSocketSession::read() {
  stream_.async_read(buffer_, [self = shared_from_this()](error_code error, size_t) {
    if (error) return self->end();
    self->buffer_.consume(self->buffer_.size());
    self->read();
  });
}

void WebSocketSession::send(uint64_t transfer, std::string text) {
  to_write_.push_back({transfer, std::move(text)});
  if (open_ && !writing_) write();
}

void WebSocketSession::write() {
  writing_ = true;
  stream_.async_write(boost::asio::buffer(to_write_.front().text),
                      [self = shared_from_this()](error_code error, size_t) {
                        if (error) return self->end();
                        self->writing_ = false;
                        self->unconfirmed_.push_back(self->to_write_.front().transfer);
                        self->to_write_.pop_front();
                        self->ping();
                        if (!self->to_write_.empty()) self->write();
                      });
}

// Its pong comes after the client has read what was written before.
void WebSocketSession::ping() {
  if (pinging_) {
    ping_again_ = true;
    return;
  }
  pinging_ = true;
  const auto payload = std::to_string(unconfirmed_.back());
  stream_.async_ping({payload.data(), payload.size()},
                     [self = shared_from_this()](error_code error) {
                       if (error) return self->end();
                       self->pinging_ = false;
                       if (std::exchange(self->ping_again_, false) && !self->unconfirmed_.empty()) {
                         self->ping();
                       }
                     });
}

void WebSocketSession::on_pong(std::string_view payload) {
  uint64_t transfer = 0;
  std::from_chars(payload.data(), payload.data() + payload.size(), transfer);
  while (!unconfirmed_.empty() && unconfirmed_.front() <= transfer) {
    host_.delivered(unconfirmed_.front());
    unconfirmed_.pop_front();
  }
}

void WebSocketSession::close(websocket::close_code code, const char* reason) {
  if (!open_ || ended_) return abort();
  open_ = false;
  stream_.async_close({code, reason}, [self = shared_from_this()](error_code) { self->end(); });
}

void WebSocketSession::abort() {
  error_code ignored;
  beast::get_lowest_layer(stream_).socket().close(ignored);
}

void WebSocketSession::end() {
  if (std::exchange(ended_, true)) return;
  open_ = false;
  abort();
  std::vector<uint64_t> undelivered(unconfirmed_.begin(), unconfirmed_.end());
  for (const auto& message : to_write_) undelivered.push_back(message.transfer);
  host_.closed(*this, undelivered);
}

}  // namespace sluice::notify
