#include "mep/dns/random_bits.h"

#include <sys/random.h>

#include <stdexcept>

#include "base/error.h"

namespace sluice::mep::dns {

uint8_t RandomBits::byte() {
  if (used_ == buffer_.size()) {
    // Up to 256 bytes come whole (getrandom(2)).
    if (getrandom(buffer_.data(), buffer_.size(), 0) != static_cast<ssize_t>(buffer_.size())) {
      throw std::runtime_error(errno_error("getrandom").to_string());
    }
    used_ = 0;
  }
  return buffer_[used_++];
}

uint16_t RandomBits::u16() {
  const uint16_t high = byte();
  return static_cast<uint16_t>(high << 8 | byte());
}

bool RandomBits::bit() {
  if (bits_left_ == 0) {
    bits_ = byte();
    bits_left_ = 8;
  }
  return (bits_ >> --bits_left_ & 1) != 0;
}

}  // namespace sluice::mep::dns
