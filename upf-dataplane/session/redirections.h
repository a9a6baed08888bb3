// Which flows of UEs are redirected to another address, so that what comes back looks as if it came
// from the address that the UE sent to.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "upf-dataplane/packet/flow_key.h"

namespace sluice::upf {

// Workers write and read; nobody waits for another. Bounded: a flow that finds no room takes the
// place of the one that was silent longest. The flows of one session share a part of the table, so
// that a UE that opens many crowds out few others.
class Redirections {
 public:
  static constexpr size_t kWays = 8;           // places that a flow may have
  static constexpr size_t kFlowsOfPart = 512;  // in one part

  // `flows` is rounded up to a power of two, at least kFlowsOfPart.
  explicit Redirections(size_t flows);

  using Address = std::array<uint8_t, 16>;  // as in a FlowKey

  // A packet of the session with this serial number is redirected: `reply` is the key of what comes
  // back (the far end as source), `original` where the UE sent it. The last address that a UE sent
  // to is remembered where it uses one port for several. False when another worker is just writing
  // there: then the packet must not go, as its reply would be taken for another's.
  bool remember(const FlowKey& reply, uint32_t serial, const uint8_t* original, uint64_t now);
  // The UE speaks to the far end itself: replies are as they are from now on.
  void forget(const FlowKey& reply, uint32_t serial, uint64_t now);
  // Where the UE sent what this packet replies to; nullopt: it was not redirected.
  std::optional<Address> find(const FlowKey& reply, uint32_t serial) const;

  size_t flows() const { return flows_.size(); }

 private:
  // `turn` is odd while a worker writes; who reads an even one twice has read a whole flow.
  struct alignas(32) Flow {
    std::atomic<uint32_t> turn{0};
    std::atomic<uint32_t> last_used{0};
    std::atomic<uint64_t> id{0};  // 0: none
    std::array<std::atomic<uint64_t>, 2> original{};
  };

  uint64_t id_of(const FlowKey& reply, uint32_t serial) const;
  size_t first_of(uint64_t id, uint32_t serial) const;
  static bool write(Flow& flow, uint64_t id, const uint8_t* original);
  static std::optional<Address> read(const Flow& flow, uint64_t id);

  uint64_t secret_;
  std::vector<Flow> flows_;
  size_t parts_;
};

}  // namespace sluice::upf
