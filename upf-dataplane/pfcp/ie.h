// An information element as a tree: every element, known or not, decodes into it and encodes back.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "upf-dataplane/pfcp/cause.h"
#include "upf-dataplane/pfcp/ie_type.h"

namespace sluice::upf::pfcp {

struct Ie {
  IeType type{};
  std::optional<uint16_t> enterprise_id = {};  // exactly when the type is vendor-specific
  std::vector<uint8_t> value = {};             // of a plain element
  std::vector<Ie> children = {};               // of a grouped one, in order

  bool operator==(const Ie&) const = default;
};

// Bounds on what we decode: far above any real message, so that the work a message can cause stays
// proportional to its size and the recursion shallow.
inline constexpr unsigned kMaxIeDepth = 8;  // groups around an element
inline constexpr size_t kMaxIeCount = 8192;

// Decodes the elements that fill `bytes`. Elements whose type is not grouped in Release 17 are kept
// as bytes. Fails with the type of the innermost element whose length does not fit: kInvalidLength;
// or with kNoResourcesAvailable when a bound above is exceeded.
std::expected<std::vector<Ie>, Rejection> decode_ies(Bytes bytes);

// Appends the elements. False when one is longer than its 16-bit length can say.
bool encode_ies(std::span<const Ie> ies, ByteWriter& out);

}  // namespace sluice::upf::pfcp
