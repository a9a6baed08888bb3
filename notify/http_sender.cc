#include "notify/http_sender.h"

#include <curl/curl.h>
#include <algorithm>
#include <array>
#include <stdexcept>
#include <unordered_map>
#include <vector>

#include "base/log.h"
#include "notify/guarded_socket.h"

namespace sluice::notify {
namespace {

constexpr size_t kMaxReply = 64 * 1024;  // octets of a reply's body; beyond, it is cut off

struct FreeList {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};

}  // namespace

Outcome outcome_of(int status) {
  constexpr std::array kFinal = {400, 405, 406, 411, 413, 414, 415, 417, 422, 431, 501, 505};
  if (status >= 200 && status < 300) return Outcome::kDelivered;
  if (status == 410) return Outcome::kGone;
  return std::ranges::find(kFinal, status) != kFinal.end() ? Outcome::kRefused : Outcome::kTryAgain;
}

class HttpSender::Impl {
 public:
  Impl(EventLoop& loop, const CallbackPolicy& policy, const HttpSenderOptions& options)
      : loop_(loop), policy_(policy), options_(options) {
    static const CURLcode global = curl_global_init(CURL_GLOBAL_DEFAULT);
    multi_ = curl_multi_init();
    if (global != CURLE_OK || multi_ == nullptr) throw std::runtime_error("libcurl does not start");
    curl_multi_setopt(multi_, CURLMOPT_SOCKETFUNCTION, &Impl::on_socket);
    curl_multi_setopt(multi_, CURLMOPT_SOCKETDATA, this);
    curl_multi_setopt(multi_, CURLMOPT_TIMERFUNCTION, &Impl::on_timer);
    curl_multi_setopt(multi_, CURLMOPT_TIMERDATA, this);
    curl_multi_setopt(multi_, CURLMOPT_MAXCONNECTS, static_cast<long>(options.connections));
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  ~Impl() {
    for (auto& [id, transfer] : transfers_) curl_multi_remove_handle(multi_, transfer->easy);
    curl_multi_cleanup(multi_);  // before the handles: it still uses one to close connections
    for (auto& [id, transfer] : transfers_) curl_easy_cleanup(transfer->easy);
    for (auto& transfer : idle_) curl_easy_cleanup(transfer->easy);
    loop_.cancel(timer_);
  }

  uint64_t send(const std::string& uri, std::string text, const std::string& id, Done done) {
    auto transfer = take();
    auto& t = *transfer;
    t.text = std::move(text);
    t.done = std::move(done);
    t.received = 0;
    t.refusal.clear();
    t.error[0] = '\0';
    t.headers.reset(curl_slist_append(nullptr, "Content-Type: application/json"));
    curl_slist_append(t.headers.get(), "Expect:");
    curl_slist_append(t.headers.get(), ("Sluice-Notification-Id: " + id).c_str());
    curl_easy_setopt(t.easy, CURLOPT_URL, uri.c_str());
    curl_easy_setopt(t.easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(t.text.size()));
    curl_easy_setopt(t.easy, CURLOPT_POSTFIELDS, t.text.data());
    curl_easy_setopt(t.easy, CURLOPT_HTTPHEADER, t.headers.get());
    t.id = ++last_id_;
    curl_multi_add_handle(multi_, t.easy);
    return transfers_.emplace(t.id, std::move(transfer)).first->first;
  }

  void cancel(uint64_t id) {
    const auto found = transfers_.find(id);
    if (found == transfers_.end()) return;
    curl_multi_remove_handle(multi_, found->second->easy);
    idle_.push_back(std::move(found->second));
    transfers_.erase(found);
  }

 private:
  struct Transfer {
    uint64_t id = 0;
    CURL* easy = nullptr;
    Impl* owner = nullptr;
    std::string text;
    Done done;
    std::unique_ptr<curl_slist, FreeList> headers;
    size_t received = 0;
    std::string refusal;  // why the address was not connected to
    std::array<char, CURL_ERROR_SIZE> error{};
  };

  std::unique_ptr<Transfer> take() {
    if (!idle_.empty()) {
      auto out = std::move(idle_.back());
      idle_.pop_back();
      return out;
    }
    auto out = std::make_unique<Transfer>();
    out->owner = this;
    out->easy = curl_easy_init();
    if (out->easy == nullptr) throw std::bad_alloc();
    set_up(*out);
    return out;
  }

  // What is the same for every transfer.
  void set_up(Transfer& t) const {
    const auto set = [&t](CURLoption option, auto value) {
      curl_easy_setopt(t.easy, option, value);
    };
    set(CURLOPT_POST, 1L);
    set(CURLOPT_HTTP_VERSION, long{CURL_HTTP_VERSION_1_1});
    set(CURLOPT_PROTOCOLS_STR, "http,https");
    set(CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
    set(CURLOPT_PATH_AS_IS, 1L);
    set(CURLOPT_FOLLOWLOCATION, 0L);
    set(CURLOPT_PROXY, "");  // whatever the environment says
    set(CURLOPT_NOSIGNAL, 1L);
    // A resolver thread that hangs is left alone: waiting for it would stop all deliveries.
    set(CURLOPT_QUICK_EXIT, 1L);
    set(CURLOPT_USERAGENT, options_.user_agent.c_str());
    set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(options_.connect_timeout.count()));
    set(CURLOPT_TIMEOUT_MS, static_cast<long>(options_.timeout.count()));
    set(CURLOPT_SSLVERSION, long{CURL_SSLVERSION_TLSv1_2});
    if (!options_.ca_file.empty()) {
      set(CURLOPT_CAINFO, options_.ca_file.c_str());
      set(CURLOPT_CAPATH, static_cast<const char*>(nullptr));  // that one and no other
    }
    set(CURLOPT_ERRORBUFFER, t.error.data());
    set(CURLOPT_PRIVATE, &t);
    set(CURLOPT_OPENSOCKETFUNCTION, &Impl::open_socket);
    set(CURLOPT_OPENSOCKETDATA, &t);
    set(CURLOPT_WRITEFUNCTION, &Impl::on_body);
    set(CURLOPT_WRITEDATA, &t);
  }

  // The last word about where a connection goes: names are resolved by now.
  static curl_socket_t open_socket(void* data, curlsocktype purpose, curl_sockaddr* address) {
    auto& transfer = *static_cast<Transfer*>(data);
    return open_guarded_socket(transfer.owner->policy_, purpose, *address, transfer.refusal);
  }

  static size_t on_body(char*, size_t size, size_t count, void* data) {
    auto& transfer = *static_cast<Transfer*>(data);
    transfer.received += size * count;
    return transfer.received > kMaxReply ? 0 : size * count;
  }

  static int on_socket(CURL*, curl_socket_t fd, int what, void* data, void*) {
    auto& self = *static_cast<Impl*>(data);
    if (what == CURL_POLL_REMOVE) {
      self.loop_.unwatch(fd);
      return 0;
    }
    uint32_t events = 0;
    if ((what & CURL_POLL_IN) != 0) events |= EPOLLIN;
    if ((what & CURL_POLL_OUT) != 0) events |= EPOLLOUT;
    try {
      self.loop_.watch(fd, events, [&self, fd](uint32_t ready) { self.ready(fd, ready); });
    } catch (const std::exception& e) {  // not through libcurl
      spdlog::error("a callback's socket cannot be watched reason=\"{}\"", e.what());
      return -1;
    }
    return 0;
  }

  static int on_timer(CURLM*, long ms, void* data) {
    auto& self = *static_cast<Impl*>(data);
    self.loop_.cancel(std::exchange(self.timer_, TimerId{}));
    if (ms >= 0) {
      self.timer_ = self.loop_.after(std::chrono::milliseconds(ms), [&self] {
        self.timer_ = TimerId{};
        self.act(CURL_SOCKET_TIMEOUT, 0);
      });
    }
    return 0;
  }

  void ready(int fd, uint32_t events) {
    int what = 0;
    if ((events & (EPOLLIN | EPOLLHUP)) != 0) what |= CURL_CSELECT_IN;
    if ((events & EPOLLOUT) != 0) what |= CURL_CSELECT_OUT;
    if ((events & EPOLLERR) != 0) what |= CURL_CSELECT_ERR;
    act(fd, what);
  }

  void act(curl_socket_t fd, int what) {
    int running = 0;
    curl_multi_socket_action(multi_, fd, what, &running);
    int left = 0;
    while (const auto* message = curl_multi_info_read(multi_, &left)) {
      if (message->msg == CURLMSG_DONE) finish(message->easy_handle, message->data.result);
    }
  }

  void finish(CURL* easy, CURLcode result) {
    Transfer* at = nullptr;
    curl_easy_getinfo(easy, CURLINFO_PRIVATE, &at);
    const auto report = report_of(*at, result);
    curl_multi_remove_handle(multi_, easy);
    auto node = transfers_.extract(at->id);
    const auto done = std::move(at->done);
    idle_.push_back(std::move(node.mapped()));
    done(report);  // may send and cancel
  }

  // A final status counts even when the transfer broke afterwards: the receiver has spoken.
  static Report report_of(const Transfer& t, CURLcode result) {
    long status = 0;
    curl_easy_getinfo(t.easy, CURLINFO_RESPONSE_CODE, &status);
    if (status >= 200) {
      Report out{outcome_of(static_cast<int>(status)), {}, {}};
      if (out.outcome == Outcome::kDelivered) return out;
      out.error = fmt::format("HTTP {}", status);
      if (status < 400) out.error += ", redirects are not followed";
      curl_off_t after = 0;
      if (curl_easy_getinfo(t.easy, CURLINFO_RETRY_AFTER, &after) == CURLE_OK && after > 0) {
        out.retry_after = std::chrono::seconds(after);
      }
      return out;
    }
    if (!t.refusal.empty()) return {Outcome::kTryAgain, t.refusal, {}};
    return {Outcome::kTryAgain,
            t.error[0] != '\0' ? std::string(t.error.data()) : curl_easy_strerror(result),
            {}};
  }

  EventLoop& loop_;
  const CallbackPolicy& policy_;
  const HttpSenderOptions options_;
  CURLM* multi_ = nullptr;
  TimerId timer_;
  uint64_t last_id_ = 0;
  std::unordered_map<uint64_t, std::unique_ptr<Transfer>> transfers_;
  std::vector<std::unique_ptr<Transfer>> idle_;
};

HttpSender::HttpSender(EventLoop& loop, const CallbackPolicy& policy,
                       const HttpSenderOptions& options)
    : impl_(std::make_unique<Impl>(loop, policy, options)) {}

HttpSender::~HttpSender() = default;

uint64_t HttpSender::send(const std::string& uri, std::string text, const std::string& id,
                          Done done) {
  return impl_->send(uri, std::move(text), id, std::move(done));
}

void HttpSender::cancel(uint64_t transfer) { impl_->cancel(transfer); }

}  // namespace sluice::notify
