#include "notify/subscription.h"

#include <sys/random.h>

#include <array>
#include <stdexcept>

#include "base/http/percent.h"

namespace sluice::notify {
namespace {

using nlohmann::json;

// base64url without padding, of whole groups of three octets.
template <size_t kOctets>
std::string random_text() {
  static_assert(kOctets % 3 == 0);
  constexpr char kAlphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::array<uint8_t, kOctets> octets{};
  if (getrandom(octets.data(), octets.size(), 0) != static_cast<ssize_t>(octets.size())) {
    throw std::runtime_error(errno_error("getrandom").to_string());
  }
  std::string out;
  for (size_t i = 0; i < kOctets; i += 3) {
    const uint32_t group =
        uint32_t{octets[i]} << 16 | uint32_t{octets[i + 1]} << 8 | uint32_t{octets[i + 2]};
    for (const int shift : {18, 12, 6, 0}) out += kAlphabet[group >> shift & 63];
  }
  return out;
}

int64_t nanoseconds(WallTime time) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch()).count();
}

WallTime wall_time(int64_t nanoseconds) {
  return WallTime(
      std::chrono::duration_cast<WallTime::duration>(std::chrono::nanoseconds(nanoseconds)));
}

}  // namespace

std::string subscription_prefix(std::string_view api) { return http::percent_encode(api) + "/"; }

std::string subscription_prefix(std::string_view api, std::string_view owner) {
  return subscription_prefix(api) + http::percent_encode(owner) + "/";
}

std::string subscription_key(std::string_view api, std::string_view owner, std::string_view id) {
  return subscription_prefix(api, owner) + http::percent_encode(id);
}

std::string new_subscription_id() { return random_text<15>(); }
std::string new_websocket_token() { return random_text<33>(); }

size_t octets_of(const Subscription& s) {
  return s.body.dump().size() + s.callback.size() + s.href.size();
}

json to_json(const Subscription& s) {
  json out = {{"id", s.id},
              {"api", s.api},
              {"owner", s.owner},
              {"type", s.type},
              {"href", s.href},
              {"body", s.body},
              {"created", nanoseconds(s.created)},
              {"callback", s.callback},
              {"version", s.version}};
  if (s.named_by == NamedBy::kId) out["namedBy"] = "id";
  if (s.named_by == NamedBy::kBoth) out["namedBy"] = "both";
  if (!s.websocket_token.empty()) out["websocketToken"] = s.websocket_token;
  if (s.websocket_fallback) out["websocketFallback"] = true;
  if (s.test_requested) out["testRequested"] = true;
  if (s.expiry) out["expiry"] = nanoseconds(*s.expiry);
  if (s.expiry_announced) out["expiryAnnounced"] = true;
  return out;
}

Result<Subscription> subscription_from_json(const json& value) {
  try {
    Subscription out;
    out.id = value.at("id").get<std::string>();
    out.api = value.at("api").get<std::string>();
    out.owner = value.at("owner").get<std::string>();
    out.type = value.at("type").get<std::string>();
    out.href = value.at("href").get<std::string>();
    out.body = value.at("body");
    out.created = wall_time(value.at("created").get<int64_t>());
    out.callback = value.at("callback").get<std::string>();
    out.version = value.at("version").get<uint64_t>();
    const auto named_by = value.value("namedBy", "");
    out.named_by = named_by == "id"     ? NamedBy::kId
                   : named_by == "both" ? NamedBy::kBoth
                                        : NamedBy::kLink;
    out.websocket_token = value.value("websocketToken", "");
    out.websocket_fallback = value.value("websocketFallback", false);
    out.test_requested = value.value("testRequested", false);
    if (value.contains("expiry")) out.expiry = wall_time(value.at("expiry").get<int64_t>());
    out.expiry_announced = value.value("expiryAnnounced", false);
    return out;
  } catch (const json::exception& e) {
    return fail(ErrorCode::kInternal, "a stored subscription cannot be read: {}", e.what());
  }
}

}  // namespace sluice::notify
