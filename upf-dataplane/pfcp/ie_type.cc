#include "upf-dataplane/pfcp/ie_type.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>

namespace sluice::upf::pfcp {
namespace {

constexpr IeInfo kIes[] = {
#define PFCP_IE(constant, number, form, name) {IeType::constant, IeForm::form, name},
#include "upf-dataplane/pfcp/ie_types.inc"
#undef PFCP_IE
};

static_assert(std::ranges::is_sorted(kIes, {}, &IeInfo::type), "looked up by binary search");

}  // namespace

const IeInfo* find_ie(IeType type) {
  const auto* found = std::ranges::lower_bound(kIes, type, {}, &IeInfo::type);
  return found != std::end(kIes) && found->type == type ? found : nullptr;
}

const IeInfo* find_ie(std::string_view name) {
  const auto* found = std::ranges::find(kIes, name, &IeInfo::name);
  return found != std::end(kIes) ? found : nullptr;
}

std::string to_string(IeType type) {
  const auto number = static_cast<uint16_t>(type);
  const auto* info = find_ie(type);
  return info != nullptr ? fmt::format("{} ({})", info->name, number)
                         : fmt::format("IE {}", number);
}

}  // namespace sluice::upf::pfcp
