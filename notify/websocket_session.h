// One client's WebSocket connection. Only for websocket_server.cc.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/websocket/stream.hpp>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "notify/websocket_server.h"

namespace sluice::notify {

class WebSocketSession;

// What a session asks of its server; all on the server's thread.
class WebSocketHost {
 public:
  virtual ~WebSocketHost() = default;
  virtual const WebSocketOptions& options() const = 0;
  virtual bool knows(const std::string& token) const = 0;
  // The client is connected and takes the place of any other with its token.
  virtual void opened(const std::shared_ptr<WebSocketSession>& session) = 0;
  virtual void delivered(uint64_t transfer) = 0;
  // The connection is over; `undelivered` had not been confirmed.
  virtual void closed(WebSocketSession& session, const std::vector<uint64_t>& undelivered) = 0;
};

class WebSocketSession : public std::enable_shared_from_this<WebSocketSession> {
 public:
  // `host` outlives all sessions.
  WebSocketSession(boost::asio::ip::tcp::socket socket, WebSocketHost& host);

  void start(bool overloaded);
  void send(uint64_t transfer, std::string text);
  void close(boost::beast::websocket::close_code code, const char* reason);
  void abort();
  const std::string& token() const { return token_; }

 private:
  struct Message {
    uint64_t transfer;
    std::string text;
  };

  void on_request();
  void refuse(boost::beast::http::status status, const char* detail);
  void read();
  void write();
  void ping();
  void on_pong(std::string_view payload);
  void end();

  boost::beast::websocket::stream<boost::beast::tcp_stream> stream_;
  WebSocketHost& host_;
  boost::beast::flat_buffer buffer_;
  std::optional<boost::beast::http::request_parser<boost::beast::http::empty_body>> request_;
  boost::beast::http::response<boost::beast::http::string_body> refusal_;
  std::string token_;
  std::deque<Message> to_write_;
  std::deque<uint64_t> unconfirmed_;  // written, in order
  bool open_ = false;
  bool writing_ = false;
  bool pinging_ = false;
  bool ping_again_ = false;
  bool ended_ = false;
};

}  // namespace sluice::notify
