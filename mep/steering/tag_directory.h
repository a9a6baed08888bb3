// Who is behind the tags that rules name (trafficFilter.tag, MEC 011 §7.1.5.2; UE Identity, MEC
// 014).
#pragma once

#include <vector>

#include "mp2/messages.h"

namespace sluice::mep {

// All that steering needs of whoever registers users under tags.
class TagDirectory {
 public:
  virtual ~TagDirectory() = default;

  // Every tag that is known now with the addresses of its users, at most mp2::kMaxTagAddresses
  // each; a tag without users has none. Rules about other tags stay suspended. Called on the
  // reconciler's thread.
  virtual std::vector<mp2::TagEntry> tags() const = 0;
};

}  // namespace sluice::mep
