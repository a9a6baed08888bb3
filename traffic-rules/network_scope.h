// Whose packets a rule is about besides what they look like: those of sessions in some data
// networks and slices.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace sluice::traffic_rules {

// A slice (TS 23.003 §28.4.2). One without SD is another than one with it.
struct Snssai {
  uint8_t sst = 0;
  std::optional<uint32_t> sd = {};  // 24 bits
  auto operator<=>(const Snssai&) const = default;
};

// Of a session.
struct Network {
  std::string dnn = {};  // empty: not known
  std::optional<Snssai> snssai = {};
  auto operator<=>(const Network&) const = default;
};

// The sessions that are in the data network and in the slice, as far as each is given; one is.
struct NetworkScope {
  std::string dnn = {};  // empty: any
  std::optional<Snssai> snssai = {};
  bool operator==(const NetworkScope&) const = default;
};

// The part of a DNN that names the data network, in lower case: without the operator identifier
// ("internet.mnc001.mcc001.gprs", TS 23.003 §9.1.2).
std::string network_identifier(std::string_view dnn);

bool contains(const NetworkScope& scope, const Network& network);
// Lists of scopes mean the sessions in any of them; an empty list means all sessions.
bool in_scope(std::span<const NetworkScope> scopes, const Network& network);
// Whether all that is in `inner` is in `outer`; whether anything can be in both.
bool covers(std::span<const NetworkScope> outer, std::span<const NetworkScope> inner);
bool meets(std::span<const NetworkScope> a, std::span<const NetworkScope> b);

}  // namespace sluice::traffic_rules
