// Any bytes as a line of Mp2: refused with a reason, or read and the same after another trip.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "mp2/messages.h"

using namespace sluice::mp2;

namespace {

// What a receiver noted about entries it could not read is not on the wire.
void forget_unreadable(Message& message) {
  if (auto* replace = std::get_if<Replace>(&message)) replace->unreadable.clear();
  if (auto* update = std::get_if<Update>(&message)) update->unreadable.clear();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  auto message = decode(std::string_view(reinterpret_cast<const char*>(data), size));
  if (!message) {
    if (message.error().message.empty()) std::abort();
    return 0;
  }
  forget_unreadable(*message);
  const auto line = encode(*message);
  const auto again = decode(std::string_view(line).substr(0, line.size() - 1));
  if (!again || *again != *message) std::abort();
  return 0;
}
