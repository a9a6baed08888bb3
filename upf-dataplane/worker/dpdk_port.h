// An Ethernet device of DPDK as one of our ports.
#pragma once

#include <cstdint>
#include <string>

#include "base/error.h"
#include "base/net/ip_address.h"
#include "upf-dataplane/control/config.h"

struct rte_mempool;

namespace sluice::upf {

class DpdkPort {
 public:
  // Attaches the device, gives it one receive and one transmit queue per worker, and starts it.
  static Result<DpdkPort> open(const PortConfig& config, uint16_t workers, rte_mempool* pool);

  DpdkPort(DpdkPort&& other) noexcept;
  DpdkPort& operator=(DpdkPort&&) = delete;
  ~DpdkPort();

  uint16_t id() const { return id_; }
  const MacAddress& mac() const { return mac_; }
  // Frames the device itself lost before anyone polled them.
  uint64_t missed() const;

 private:
  explicit DpdkPort(uint16_t id) : id_(id) {}
  static constexpr uint16_t kNone = 0xffff;

  uint16_t id_;
  MacAddress mac_;
};

}  // namespace sluice::upf
