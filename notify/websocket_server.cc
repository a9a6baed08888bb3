#include "notify/websocket_server.h"

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <set>
#include <thread>
#include <unordered_map>
#include <unordered_set>

#include "base/log.h"
#include "notify/websocket_session.h"

namespace sluice::notify {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::beast::error_code;
using boost::beast::websocket::close_code;

tcp::endpoint endpoint_of(const WebSocketOptions& options) {
  if (options.address.is_v4()) {
    return {asio::ip::address_v4(options.address.v4().value()), options.port};
  }
  return {asio::ip::address_v6(options.address.v6().bytes()), options.port};
}

}  // namespace

std::string websocket_base(const WebSocketOptions& options, uint16_t port) {
  if (!options.public_uri.empty()) return options.public_uri;
  const auto address = options.address.to_string();
  return options.address.is_v4() ? fmt::format("ws://{}:{}/notifications", address, port)
                                 : fmt::format("ws://[{}]:{}/notifications", address, port);
}

// The members below the line belong to the server's thread, those above to the loop's.
class WebSocketServer::Impl final : public WebSocketHost {
 public:
  Impl(EventLoop& loop, const WebSocketOptions& options,
       std::function<void(const std::string&)> present)
      : loop_(loop), options_(options), present_(std::move(present)) {}
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  ~Impl() override {
    asio::post(context_, [this] {
      error_code ignored;
      acceptor_.close(ignored);
      for (auto* session : std::set(sessions_)) session->abort();
      context_.stop();
    });
    if (thread_.joinable()) thread_.join();
  }

  Result<void> listen() {
    const auto endpoint = endpoint_of(options_);
    try {
      acceptor_.open(endpoint.protocol());
      acceptor_.set_option(asio::socket_base::reuse_address(true));
      acceptor_.bind(endpoint);
      acceptor_.listen();
      port_ = acceptor_.local_endpoint().port();
    } catch (const boost::system::system_error& e) {
      return fail(ErrorCode::kUnavailable, "websocket: cannot listen at {}:{}: {}",
                  options_.address.to_string(), options_.port, e.what());
    }
    accept();
    thread_ = std::thread([this] {
      const auto work = asio::make_work_guard(context_);
      context_.run();
    });
    return {};
  }

  uint64_t send(const std::string& token, std::string text, Done done) {
    const auto transfer = ++last_transfer_;
    pending_.emplace(transfer, std::move(done));
    asio::post(context_, [this, token, transfer, text = std::move(text)]() mutable {
      const auto found = clients_.find(token);
      if (found == clients_.end()) {
        return report(transfer, {Outcome::kAway, "the client is not connected", {}});
      }
      found->second->send(transfer, std::move(text));
    });
    return transfer;
  }
  void cancel(uint64_t transfer) { pending_.erase(transfer); }

  void admit(const std::string& token) {
    asio::post(context_, [this, token] { tokens_.insert(token); });
  }
  void forbid(const std::string& token) {
    asio::post(context_, [this, token] {
      tokens_.erase(token);
      const auto found = clients_.find(token);
      if (found == clients_.end()) return;
      const auto session = std::move(found->second);
      clients_.erase(found);
      session->close(close_code::normal, "the subscription has ended");
    });
  }

  uint16_t port() const { return port_; }
  size_t connections() const { return connections_; }

  // ---- on the server's thread

  const WebSocketOptions& options() const override { return options_; }
  bool knows(const std::string& token) const override { return tokens_.contains(token); }

  void opened(const std::shared_ptr<WebSocketSession>& session) override {
    if (!knows(session->token())) {
      return session->close(close_code::normal, "the subscription has ended");
    }
    auto& place = clients_[session->token()];
    if (const auto before = std::exchange(place, session)) {
      before->close(close_code::policy_error, "another connection takes over");
    }
    post_to_loop([this, token = session->token()] { present_(token); });
  }

  void delivered(uint64_t transfer) override { report(transfer, {Outcome::kDelivered, {}, {}}); }

  void closed(WebSocketSession& session, const std::vector<uint64_t>& undelivered) override {
    sessions_.erase(&session);
    connections_ = sessions_.size();
    const auto found = clients_.find(session.token());
    // With another connection there, what this one had not delivered goes there at once.
    const bool replaced = found != clients_.end() && found->second.get() != &session;
    if (found != clients_.end() && !replaced) clients_.erase(found);
    for (const auto transfer : undelivered) {
      report(transfer, {Outcome::kAway, "the client is not connected", {}});
    }
    if (replaced && !undelivered.empty()) {
      post_to_loop([this, token = session.token()] { present_(token); });
    }
  }

 private:
  void accept() {
    acceptor_.async_accept([this](error_code error, tcp::socket socket) {
      if (error == asio::error::operation_aborted) return;
      if (error) {  // no descriptors, most likely
        pause_.expires_after(std::chrono::milliseconds(100));
        return pause_.async_wait([this](error_code stopped) {
          if (!stopped) accept();
        });
      }
      const bool overloaded = sessions_.size() >= options_.connections;
      if (sessions_.size() < options_.connections * 2) {  // twice: there is room for refusals
        const auto session = std::make_shared<WebSocketSession>(std::move(socket), *this);
        sessions_.insert(session.get());
        connections_ = sessions_.size();
        session->start(overloaded);
      }
      accept();
    });
  }

  void report(uint64_t transfer, Report what) {
    post_to_loop([this, transfer, what = std::move(what)] {
      const auto found = pending_.find(transfer);
      if (found == pending_.end()) return;
      const auto done = std::move(found->second);
      pending_.erase(found);
      done(what);
    });
  }

  void post_to_loop(EventLoop::Callback work) {
    loop_.post([work = std::move(work), alive = std::weak_ptr<bool>(alive_)] {
      if (alive.lock()) work();
    });
  }

  EventLoop& loop_;
  const WebSocketOptions options_;
  std::function<void(const std::string&)> present_;
  uint64_t last_transfer_ = 0;
  std::unordered_map<uint64_t, Done> pending_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  uint16_t port_ = 0;
  std::atomic<size_t> connections_{0};
  // ----
  asio::io_context context_{1};
  tcp::acceptor acceptor_{context_};
  asio::steady_timer pause_{context_};
  std::unordered_set<std::string> tokens_;
  std::unordered_map<std::string, std::shared_ptr<WebSocketSession>> clients_;
  std::set<WebSocketSession*> sessions_;
  std::thread thread_;
};

WebSocketServer::WebSocketServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
WebSocketServer::~WebSocketServer() = default;

Result<std::unique_ptr<WebSocketServer>> WebSocketServer::start(
    EventLoop& loop, const WebSocketOptions& options,
    std::function<void(const std::string& token)> present) {
  auto impl = std::make_unique<Impl>(loop, options, std::move(present));
  if (auto ok = impl->listen(); !ok) return std::unexpected(ok.error());
  return std::unique_ptr<WebSocketServer>(new WebSocketServer(std::move(impl)));
}

uint64_t WebSocketServer::send(const std::string& token, std::string text, const std::string&,
                               Done done) {
  return impl_->send(token, std::move(text), std::move(done));
}
void WebSocketServer::cancel(uint64_t transfer) { impl_->cancel(transfer); }
void WebSocketServer::admit(const std::string& token) { impl_->admit(token); }
void WebSocketServer::forbid(const std::string& token) { impl_->forbid(token); }
uint16_t WebSocketServer::port() const { return impl_->port(); }
size_t WebSocketServer::connections() const { return impl_->connections(); }

}  // namespace sluice::notify
