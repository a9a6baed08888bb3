#include "base/http/pistache_transport.h"

#include <pistache/listener.h>
#include <signal.h>

#include "base/http/pistache_worker.h"

namespace sluice::http {
namespace {

constexpr int kBacklog = 1024;
constexpr std::chrono::seconds kDrainTimeout{5};  // for deferred replies when stopping

// Threads started while this lives take no signals: they belong to the thread that waits for them.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;

 private:
  sigset_t before_;
};

Pistache::Address to_pistache(const IpAddress& address, uint16_t port) {
  const auto text = address.to_string();
  const bool v6 = text.find(':') != std::string::npos;
  return Pistache::Address(v6 ? "[" + text + "]" : text, Pistache::Port(port));
}

}  // namespace

struct PistacheTransport::Running {
  std::shared_ptr<Shared> shared;
  Pistache::Tcp::Listener listener;
};

PistacheTransport::PistacheTransport(std::unique_ptr<Running> running, uint16_t port)
    : running_(std::move(running)), port_(port) {}

PistacheTransport::~PistacheTransport() {
  auto& shared = *running_->shared;
  shared.start_draining();
  const auto deadline = std::chrono::steady_clock::now() + kDrainTimeout;
  while (shared.awaited != 0 && shared.drained.try_acquire_until(deadline)) {
  }
}  // the listener's destructor stops and joins

size_t PistacheTransport::connections() const { return running_->shared->connections; }

size_t PistacheTransport::bytes_held() const {
  return running_->shared->held_by_known + running_->shared->held_by_strangers;
}

size_t PistacheTransport::bytes_owed() const { return running_->shared->replies.owed(); }

Result<std::unique_ptr<PistacheTransport>> PistacheTransport::start(const TransportOptions& options,
                                                                    Service service) {
  const SignalsBlocked blocked;
  auto running = std::make_unique<Running>();
  running->shared = std::make_shared<Shared>(options, std::move(service));
  auto& listener = running->listener;
  const auto name = fmt::format("{} port {}", options.address.to_string(), options.port);
  try {
    using Pistache::Tcp::Options;
    listener.init(
        options.threads,
        Pistache::Flags<Options>(Options::ReuseAddr) | Options::NoDelay | Options::CloseOnExec,
        "http", kBacklog);
    listener.setTransportFactory(
        [shared = running->shared] { return std::make_shared<Worker>(shared); });
    listener.bind(to_pistache(options.address, options.port));
    listener.runThreaded();
  } catch (const std::exception& e) {
    return fail(ErrorCode::kUnavailable, "cannot listen on {}: {}", name, e.what());
  }
  // A listener that is stopped before its workers run would never stop them.
  running->shared->started.wait();
  const auto port = static_cast<uint16_t>(listener.getPort());
  return std::unique_ptr<PistacheTransport>(new PistacheTransport(std::move(running), port));
}

}  // namespace sluice::http
