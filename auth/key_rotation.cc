#include "auth/key_rotation.h"

#include "base/log.h"

namespace sluice::auth {
namespace {

constexpr std::chrono::seconds kPeriod{10};

}  // namespace

KeyRotation::KeyRotation(EventLoop& loop, KeyRing& keys)
    : loop_(loop), keys_(keys), timer_(loop.every(kPeriod, [this] { maintain(); })) {}

void KeyRotation::maintain() {
  const auto before = keys_.signing()->id();
  if (auto ok = keys_.maintain(); !ok) {
    spdlog::error("auth key rotation failed reason=\"{}\"", ok.error().to_string());
  } else if (const auto now = keys_.signing()->id(); now != before) {
    spdlog::info("auth key rotated kid={}", now);
  }
}

}  // namespace sluice::auth
