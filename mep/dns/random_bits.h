// Bits that nobody outside can guess, from the kernel's generator, a buffer at a time.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace sluice::mep::dns {

class RandomBits {
 public:
  uint16_t u16();
  bool bit();

 private:
  uint8_t byte();

  std::array<uint8_t, 256> buffer_{};
  size_t used_ = sizeof(buffer_);
  uint8_t bits_ = 0;
  unsigned bits_left_ = 0;
};

}  // namespace sluice::mep::dns
