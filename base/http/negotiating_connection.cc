#include "base/http/negotiating_connection.h"

#include "base/http/http1_connection.h"
#include "base/http/http2_connection.h"

namespace sluice::http {
namespace {

constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

// HTTP/1.1 until the preface is complete; the parser of HTTP/1.1 sees nothing that may be part of
// it.
class NegotiatingConnection final : public ServerConnection {
 public:
  NegotiatingConnection(const TransportLimits& limits, ConnectionHost host)
      : limits_(limits),
        host_(std::move(host)),
        chosen_(std::make_unique<Http1Connection>(limits.parser, host_)) {}

  void feed(std::string_view bytes) override {
    if (decided_) return chosen_->feed(bytes);
    first_.append(bytes);
    const auto compared = std::min(first_.size(), kPreface.size());
    if (kPreface.substr(0, compared) == std::string_view(first_).substr(0, compared)) {
      if (compared < kPreface.size()) return;
      chosen_ = std::make_unique<Http2Connection>(limits_, host_);
    }
    decided_ = true;
    chosen_->feed(std::exchange(first_, {}));
  }

  bool serve(std::string& out, size_t enough) override { return chosen_->serve(out, enough); }
  void complete(uint32_t ticket, Response&& response) override {
    chosen_->complete(ticket, std::move(response));
  }
  void tick(TimePoint now) override { chosen_->tick(now); }
  void time_out(std::string& out) override {
    if (!decided_) chosen_->feed(std::exchange(first_, {}));  // to be answered as what it is
    decided_ = true;
    chosen_->serve(out, static_cast<size_t>(-1));
    chosen_->time_out(out);
  }
  void overload(bool strangers_only, std::string& out) override {
    chosen_->overload(strangers_only, out);
  }
  void go_away() override { chosen_->go_away(); }
  bool finished() const override { return chosen_->finished(); }
  bool wants_input() const override { return chosen_->wants_input(); }
  Stage stage() const override { return first_.empty() ? chosen_->stage() : Stage::kHeader; }
  size_t served() const override { return chosen_->served(); }
  Held held() const override { return chosen_->held(); }
  uint64_t streamed() const override { return chosen_->streamed(); }
  bool reading_body() const override { return chosen_->reading_body(); }
  size_t owed() const override { return chosen_->owed(); }

 private:
  const TransportLimits& limits_;
  const ConnectionHost host_;
  std::unique_ptr<ServerConnection> chosen_;
  std::string first_;  // bytes that may be the beginning of the preface
  bool decided_ = false;
};

}  // namespace

std::unique_ptr<ServerConnection> make_negotiating_connection(const TransportLimits& limits,
                                                              ConnectionHost host) {
  return std::make_unique<NegotiatingConnection>(limits, std::move(host));
}

}  // namespace sluice::http
