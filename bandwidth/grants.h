// The allocations as the user plane is told of them over Mp2.
#pragma once

#include <string>
#include <vector>

#include "bandwidth/records.h"
#include "base/store/snapshot.h"
#include "mp2/messages.h"

namespace sluice::bandwidth {

class Grants {
 public:
  explicit Grants(const Records& records) : records_(records) {}

  std::vector<mp2::GuaranteeEntry> all(const store::Snapshot& state) const;

  struct Difference {
    std::vector<mp2::GuaranteeEntry> upserted;
    std::vector<std::string> removed;
  };
  // What leads from the grants of `from` to those of `to`, states of the same store.
  Difference difference(const store::Snapshot& from, const store::Snapshot& to) const;

 private:
  const Records records_;
};

}  // namespace sluice::bandwidth
