#include "upf-dataplane/session/redirections.h"

#include <bit>
#include <cstring>
#include <random>

namespace sluice::upf {
namespace {

constexpr unsigned kStampShift = 20;  // of ticks: less than a millisecond, and round once in days

__extension__ using Wide = unsigned __int128;

uint64_t mix(uint64_t a, uint64_t b) {
  const Wide product = static_cast<Wide>(a) * b;
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

uint32_t stamp(uint64_t now) { return static_cast<uint32_t>(now >> kStampShift); }

uint64_t word(const uint8_t* at) {
  uint64_t out;
  std::memcpy(&out, at, sizeof out);
  return out;
}

}  // namespace

Redirections::Redirections(size_t flows)
    : secret_(uint64_t{std::random_device{}()} << 32 | std::random_device{}()),
      flows_(std::bit_ceil(flows < kFlowsOfPart ? kFlowsOfPart : flows)),
      parts_(flows_.size() / kFlowsOfPart) {}

// 64 bits of a keyed hash stand for the flow. Two of one session that met would be taken for each
// other; no session's can be made to meet another's, whose serial number is part of it.
uint64_t Redirections::id_of(const FlowKey& reply, uint32_t serial) const {
  const uint64_t rest = uint64_t{reply.source_port} << 48 | uint64_t{reply.destination_port} << 32 |
                        uint64_t{reply.protocol};
  uint64_t id = mix(secret_ ^ word(reply.source), word(reply.source + 8) ^ 0xa0761d6478bd642f);
  id = mix(id ^ word(reply.destination), word(reply.destination + 8) ^ 0xe7037ed1a0b428db);
  id = mix(id ^ rest, uint64_t{serial} ^ 0x8ebc6af09c88c6e3);
  return id | 1;
}

size_t Redirections::first_of(uint64_t id, uint32_t serial) const {
  const uint64_t part = mix(secret_ ^ serial, 0x589965cc75374cc3) & (parts_ - 1);
  const uint64_t set = (id >> 32) & (kFlowsOfPart / kWays - 1);
  return part * kFlowsOfPart + set * kWays;
}

bool Redirections::write(Flow& flow, uint64_t id, const uint8_t* original) {
  uint32_t turn = flow.turn.load(std::memory_order_relaxed);
  if ((turn & 1) != 0 ||
      !flow.turn.compare_exchange_strong(turn, turn + 1, std::memory_order_acquire)) {
    return false;
  }
  // Each released, so that whoever sees one of them sees that the turn is odd.
  flow.id.store(id, std::memory_order_release);
  flow.original[0].store(word(original), std::memory_order_release);
  flow.original[1].store(word(original + 8), std::memory_order_release);
  flow.turn.store(turn + 2, std::memory_order_release);
  return true;
}

std::optional<Redirections::Address> Redirections::read(const Flow& flow, uint64_t id) {
  const uint32_t turn = flow.turn.load(std::memory_order_acquire);
  if ((turn & 1) != 0 || flow.id.load(std::memory_order_acquire) != id) return std::nullopt;
  const uint64_t words[2] = {flow.original[0].load(std::memory_order_acquire),
                             flow.original[1].load(std::memory_order_acquire)};
  if (flow.turn.load(std::memory_order_relaxed) != turn) return std::nullopt;
  Address address;
  std::memcpy(address.data(), words, sizeof words);
  return address;
}

bool Redirections::remember(const FlowKey& reply, uint32_t serial, const uint8_t* original,
                            uint64_t now) {
  const uint64_t id = id_of(reply, serial);
  Flow* const first = &flows_[first_of(id, serial)];
  Flow* oldest = first;
  for (Flow* flow = first; flow != first + kWays; ++flow) {
    if (flow->id.load(std::memory_order_relaxed) == id) {
      oldest = flow;
      break;
    }
    const auto age = [&](const Flow& of) {
      const bool is_free = of.id.load(std::memory_order_relaxed) == 0;
      return is_free ? ~uint32_t{0} : stamp(now) - of.last_used.load(std::memory_order_relaxed);
    };
    if (age(*flow) > age(*oldest)) oldest = flow;
  }
  if (const auto known = read(*oldest, id);
      !known || std::memcmp(known->data(), original, known->size()) != 0) {
    if (!write(*oldest, id, original)) return false;
  }
  if (oldest->last_used.load(std::memory_order_relaxed) != stamp(now)) {
    oldest->last_used.store(stamp(now), std::memory_order_relaxed);
  }
  return true;
}

void Redirections::forget(const FlowKey& reply, uint32_t serial, uint64_t now) {
  if (find(reply, serial)) remember(reply, serial, reply.source, now);
}

std::optional<Redirections::Address> Redirections::find(const FlowKey& reply,
                                                        uint32_t serial) const {
  const uint64_t id = id_of(reply, serial);
  const Flow* const first = &flows_[first_of(id, serial)];
  for (const Flow* flow = first; flow != first + kWays; ++flow) {
    if (flow->id.load(std::memory_order_relaxed) != id) continue;
    if (auto address = read(*flow, id)) return address;
  }
  return std::nullopt;
}

}  // namespace sluice::upf
