#include "mep/dns/wire.h"

#include <array>

namespace sluice::mep::dns {

uint16_t get_u16(Bytes message, size_t at) {
  Be16 value;
  std::memcpy(&value, message.data() + at, sizeof value);
  return value;
}

uint32_t get_u32(Bytes message, size_t at) {
  Be32 value;
  std::memcpy(&value, message.data() + at, sizeof value);
  return value;
}

void set_u16(std::span<uint8_t> message, size_t at, uint16_t value) {
  const Be16 raw(value);
  std::memcpy(message.data() + at, &raw, sizeof raw);
}

void set_u32(std::span<uint8_t> message, size_t at, uint32_t value) {
  const Be32 raw(value);
  std::memcpy(message.data() + at, &raw, sizeof raw);
}

void put_u16(std::vector<uint8_t>& message, uint16_t value) {
  message.push_back(static_cast<uint8_t>(value >> 8));
  message.push_back(static_cast<uint8_t>(value));
}

void put_u32(std::vector<uint8_t>& message, uint32_t value) {
  put_u16(message, static_cast<uint16_t>(value >> 16));
  put_u16(message, static_cast<uint16_t>(value));
}

void put_bytes(std::vector<uint8_t>& message, Bytes bytes) {
  message.insert(message.end(), bytes.begin(), bytes.end());
}

std::optional<size_t> skip_name(Bytes message, size_t at) {
  for (;;) {
    if (at >= message.size()) return std::nullopt;
    const size_t label = message[at];
    if ((label & 0xc0) == 0xc0) {
      return at + 2 <= message.size() ? std::optional(at + 2) : std::nullopt;
    }
    if (label > 63) return std::nullopt;
    at += label + 1;
    if (label == 0) return at;
  }
}

bool each_record(Bytes message, const std::function<void(const Record&)>& visit) {
  if (message.size() < kHeaderBytes || get_u16(message, 4) != 1) return false;
  const auto behind_name = skip_name(message, kHeaderBytes);
  if (!behind_name || *behind_name + 4 > message.size()) return false;
  size_t at = *behind_name + 4;
  using Section = Record::Section;
  for (const auto& [section, count_at] : std::array<std::pair<Section, size_t>, 3>{
           {{Section::kAnswer, 6}, {Section::kAuthority, 8}, {Section::kAdditional, 10}}}) {
    for (int i = get_u16(message, count_at); i > 0; --i) {
      const auto fixed = skip_name(message, at);
      if (!fixed || *fixed + 10 > message.size()) return false;
      Record record{.section = section,
                    .at_root = message[at] == 0,
                    .type = get_u16(message, *fixed),
                    .record_class = get_u16(message, *fixed + 2),
                    .ttl_at = *fixed + 4,
                    .ttl_s = get_u32(message, *fixed + 4),
                    .data = {}};
      const size_t length = get_u16(message, *fixed + 8);
      if (*fixed + 10 + length > message.size()) return false;
      record.data = message.subspan(*fixed + 10, length);
      visit(record);
      at = *fixed + 10 + length;
    }
  }
  return at == message.size();
}

}  // namespace sluice::mep::dns
