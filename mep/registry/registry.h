// The service registry: what it allows, and how its content changes. One for MEC 011 and CAPIF.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "base/store/tally.h"
#include "base/store/transaction.h"
#include "mep/registry/change.h"
#include "mep/registry/transports.h"

namespace sluice::mep::registry {

struct RegistryLimits {
  size_t service_bytes = 64 * 1024;  // of one: octets_of()
  size_t services = 20'000;          // of the site
  size_t bytes = 64 << 20;           // of the site's
  size_t services_of_app = 1'000;    // of one app instance
  size_t bytes_of_app = 4 << 20;     // of one app instance's
};

struct LivenessRules {
  uint32_t shortest_s = 1;  // intervals are kept within these bounds
  uint32_t longest_s = 3600;
  uint32_t usual_s = 30;  // for an app that leaves it to the platform
  // How much longer than the interval a service may stay silent, in percent of it: a beat that is
  // on its way is not missed.
  uint32_t grace_percent = 50;

  uint32_t interval(uint32_t proposed_s) const;
};

// Adds, changes and removes services within a transaction of the caller, so that whatever hangs on
// it (notifications above all) is durable together with it or not at all. Immutable after the
// observers have been added; may be used by several threads at a time.
class Registry {
 public:
  Registry(const Records& records, Transports transports, RegistryLimits limits,
           LivenessRules liveness)
      : records_(records),
        tally_(records.services,
               [](const std::string& /*id*/, const ServiceRecord& record) {
                 return store::Tally<ServiceRecord>::Share{record.owner, octets_of(record)};
               }),
        transports_(std::move(transports)),
        limits_(limits),
        liveness_(liveness) {}

  // Told of everything that a transaction does to services, before it ends; at most one change a
  // service and call. Add all before the first change.
  using Observer = std::function<void(store::Transaction&, std::span<const ServiceChange>)>;
  void add_observer(Observer observer) { observers_.push_back(std::move(observer)); }

  // Registers a service and returns its id. kInvalidArgument unless it has exactly one of transport
  // id and transport and the id is one of the platform's and it is no longer than a service may
  // be; kResourceExhausted at a limit of the app or the site.
  Result<std::string> add(store::Transaction& change, ServiceRecord record) const;

  // Replaces what the owner says of a service: its info, and what CAPIF knows besides. Without a
  // transport the present one stays. It ends a suspension: the owner is alive. What is said again
  // unchanged leaves the service in its version. Errors as above.
  Result<void> replace(store::Transaction& change, const std::string& id,
                       ServiceRecord record) const;

  // Replaces the platform's own notes on services that are there (suspended, interval, beat).
  void update(store::Transaction& change,
              std::vector<std::pair<std::string, ServiceRecord>> records) const;

  void remove(store::Transaction& change, const std::string& id) const;
  // All services of an app instance that is no more.
  void remove_all_of(store::Transaction& change, std::string_view owner) const;

  // Makes the platform's own services exactly these: those of equal name keep their ids.
  void offer(store::Transaction& change, const std::vector<ServiceInfo>& own) const;

  // The transport that consumers of the service use.
  const TransportInfo& transport_of(const ServiceRecord& record) const;

  const Records& records() const { return records_; }
  const Transports& transports() const { return transports_; }
  const LivenessRules& liveness() const { return liveness_; }

 private:
  Result<void> settle(ServiceRecord& record) const;
  Result<void> check_count(const store::Transaction& change, std::string_view owner) const;
  Result<void> check_octets(const store::Transaction& change, std::string_view owner, size_t before,
                            size_t after) const;
  void put(store::Transaction& change, const std::string& id, ServiceRecord record) const;
  void tell(store::Transaction& change, std::span<const ServiceChange> changes) const;

  const Records records_;
  mutable store::Tally<ServiceRecord> tally_;  // by owner
  const Transports transports_;
  const RegistryLimits limits_;
  const LivenessRules liveness_;
  std::vector<Observer> observers_;
};

}  // namespace sluice::mep::registry
