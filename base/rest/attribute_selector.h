// Attribute selectors (MEC 009 §6.18, NFV-SOL 013 §5.3): which members of a representation a client
// wants to see.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/http/message.h"
#include "base/rest/attribute_path.h"

namespace sluice::rest {

inline constexpr size_t kMaxSelectedFields = 64;

class AttributeSelector {
 public:
  // Reads `fields`, `exclude_fields`, `all_fields` and `exclude_default`. Legal are none, each
  // alone, and `fields` with `exclude_default`; anything else, and a malformed or endless list, is
  // kInvalidArgument naming the parameter. `excluded_by_default` is what `exclude_default`, and a
  // request without selectors, leaves out; `id_member` is never left out.
  static Result<AttributeSelector> parse(const http::Query& query, const std::string& id_member,
                                         const std::vector<std::string>& excluded_by_default);

  // Whether every item stays as it is.
  bool keeps_everything() const {
    return mode_ == Mode::kEverything || (mode_ == Mode::kWithout && paths_.empty());
  }

  // Cuts the representations down. `fields` alone keeps complex members (objects, arrays) only
  // where listed, simple ones always (SOL 013 §5.3.2) — unless the list names a simple one of some
  // item: then of the simple ones, too, only those that are listed. Below a listed member's parent
  // the same holds; arrays on the way are gone through.
  void apply(std::span<nlohmann::json> items) const;

 private:
  enum class Mode : uint8_t { kEverything, kOnlyFields, kWithout };

  bool names_a_simple_member(std::span<const nlohmann::json> items) const;

  Mode mode_ = Mode::kEverything;
  std::string id_member_;
  std::vector<AttributePath> paths_;  // kept by kOnlyFields, removed by kWithout
};

}  // namespace sluice::rest
