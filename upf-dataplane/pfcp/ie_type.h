// The types of information elements and what is known about each.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace sluice::upf::pfcp {

enum class IeType : uint16_t {
#define PFCP_IE(constant, number, form, name) constant = number,
#include "upf-dataplane/pfcp/ie_types.inc"
#undef PFCP_IE
};

enum class IeForm : uint8_t { kPlain, kGrouped };

struct IeInfo {
  IeType type;
  IeForm form;
  std::string_view name;  // as TS 29.244 table 8.1.2-1 spells it
};

// What Release 17 says about this type, or nullptr when it has no such type.
const IeInfo* find_ie(IeType type);

// The type of this name, or nullptr.
const IeInfo* find_ie(std::string_view name);

// "Create PDR (1)", or "IE 999" for a type that Release 17 does not have.
std::string to_string(IeType type);

// §8.1.1: types from 32768 on are a vendor's and carry an Enterprise ID.
constexpr bool is_vendor_specific(IeType type) { return static_cast<uint16_t>(type) >= 0x8000; }

}  // namespace sluice::upf::pfcp
