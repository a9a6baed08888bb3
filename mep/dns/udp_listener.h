// Queries over UDP, a batch at a time.
#pragma once

#include <array>
#include <memory>
#include <vector>

#include "base/event_loop.h"
#include "mep/dns/endpoint.h"
#include "mep/dns/resolver.h"

namespace sluice::mep::dns {

// On the loop's thread.
class UdpListener {
 public:
  using BeforeBatch = std::function<void()>;

  // `before_batch` runs before the queries that have arrived are looked at. `loop` and `resolver`
  // must outlive the listener.
  static Result<std::unique_ptr<UdpListener>> listen(EventLoop& loop, const Endpoint& local,
                                                     Resolver& resolver, BeforeBatch before_batch);
  UdpListener(const UdpListener&) = delete;
  UdpListener& operator=(const UdpListener&) = delete;
  ~UdpListener();

  Result<Endpoint> endpoint() const { return local_endpoint(socket_); }

 private:
  static constexpr size_t kBatch = 32;
  static constexpr size_t kRounds = 8;           // at one wake-up, so that others get their turn
  static constexpr size_t kLargestQuery = 2048;  // longer ones are dropped

  // Where a query came from and which of our addresses it was sent to: what the response needs.
  struct Peer {
    SocketAddress address;
    alignas(8) std::array<uint8_t, 64> control{};
    size_t control_bytes = 0;
  };
  struct Slot {
    Peer peer;
    std::array<uint8_t, kLargestQuery> query;
    std::vector<uint8_t> response;
  };

  UdpListener(EventLoop& loop, UniqueFd socket, Resolver& resolver, BeforeBatch before_batch);
  void on_readable();
  size_t receive();  // how many slots it filled; a query of no length: to be ignored
  void answer(size_t queries);
  void send(Peer peer, Bytes response) const;

  EventLoop& loop_;
  UniqueFd socket_;
  Resolver& resolver_;
  BeforeBatch before_batch_;
  std::vector<Slot> slots_;
  std::array<size_t, kBatch> query_bytes_{};
};

}  // namespace sluice::mep::dns
