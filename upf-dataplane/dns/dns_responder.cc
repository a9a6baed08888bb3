#include "upf-dataplane/dns/dns_responder.h"

#include <cstring>

#include "base/net/big_endian.h"

namespace sluice::upf {
namespace {

struct DnsHeader {
  Be16 id;
  Be16 flags;
  Be16 questions;
  Be16 answers;
  Be16 authorities;
  Be16 additionals;
};
static_assert(sizeof(DnsHeader) == 12);

constexpr uint16_t kFlagResponse = 0x8000;
constexpr uint16_t kFlagOpcode = 0x7800;
constexpr uint16_t kFlagTruncated = 0x0200;
constexpr uint16_t kFlagRecursionDesired = 0x0100;
constexpr uint16_t kFlagRecursionAvailable = 0x0080;
constexpr uint16_t kFlagCheckingDisabled = 0x0010;

constexpr uint16_t kTypeA = 1;
constexpr uint16_t kTypeAaaa = 28;
constexpr uint16_t kTypeOpt = 41;
constexpr uint16_t kTypeSvcb = 64;
constexpr uint16_t kTypeHttps = 65;
constexpr uint16_t kClassIn = 1;

constexpr size_t kMaxName = 255;
constexpr size_t kOptBytes = 11;           // an OPT record without options
constexpr uint16_t kOwnUdpPayload = 1232;  // what we would accept; DNS flag day 2020's value

uint16_t get16(const uint8_t* at) {
  Be16 v;
  std::memcpy(&v, at, 2);
  return v;
}

uint8_t* put16(uint8_t* at, uint16_t value) {
  const Be16 v(value);
  std::memcpy(at, &v, 2);
  return at + 2;
}

uint8_t* put32(uint8_t* at, uint32_t value) {
  const Be32 v(value);
  std::memcpy(at, &v, 4);
  return at + 4;
}

struct Question {
  char name[kMaxName];  // lower case wire format
  size_t name_bytes = 0;
  uint16_t type = 0;
  size_t end = 0;  // offset behind the question
};

bool parse_question(std::span<const uint8_t> query, Question& question) {
  size_t at = sizeof(DnsHeader);
  for (;;) {
    if (at >= query.size()) return false;
    const size_t label = query[at];
    if (label > 63) return false;  // a pointer has no place in the first name
    if (question.name_bytes + label + 1 > kMaxName || at + label + 1 > query.size()) return false;
    question.name[question.name_bytes++] = static_cast<char>(label);
    ++at;
    for (size_t i = 0; i < label; ++i, ++at) {
      const uint8_t c = query[at];
      const bool upper = c >= 'A' && c <= 'Z';
      question.name[question.name_bytes++] = static_cast<char>(upper ? c + ('a' - 'A') : c);
    }
    if (label == 0) break;
  }
  if (at + 4 > query.size() || get16(&query[at + 2]) != kClassIn) return false;
  question.type = get16(&query[at]);
  question.end = at + 4;
  return true;
}

// Whether what follows the question is one well-formed EDNS version 0 record and nothing else.
bool is_plain_opt(std::span<const uint8_t> tail) {
  if (tail.size() < kOptBytes || tail[0] != 0 || get16(&tail[1]) != kTypeOpt) return false;
  if (tail[6] != 0) return false;  // version
  return tail.size() == kOptBytes + get16(&tail[9]);
}

uint8_t* put_address(uint8_t* at, const DnsAddress& answer, uint16_t type) {
  at = put16(at, 0xc000 | sizeof(DnsHeader));  // the question's name
  at = put16(at, type);
  at = put16(at, kClassIn);
  at = put32(at, answer.ttl_s);
  const auto& bytes = answer.address.v6().bytes();
  const size_t length = type == kTypeA ? 4 : 16;
  at = put16(at, static_cast<uint16_t>(length));
  std::memcpy(at, bytes.data() + 16 - length, length);
  return at + length;
}

uint8_t* put_opt(uint8_t* at, bool dnssec_ok) {
  *at++ = 0;
  at = put16(at, kTypeOpt);
  at = put16(at, kOwnUdpPayload);
  at = put32(at, dnssec_ok ? 0x8000 : 0);  // extended RCODE 0, version 0, DO as it was asked
  return put16(at, 0);
}

size_t record_bytes(uint16_t type) { return type == kTypeA ? 16 : 28; }

}  // namespace

std::optional<DnsAnswer> answer_dns(std::span<uint8_t> message, size_t query_bytes,
                                    const DnsTable& table) {
  if (query_bytes < sizeof(DnsHeader) || query_bytes > message.size()) return std::nullopt;
  const std::span<const uint8_t> query = message.first(query_bytes);
  auto* header = reinterpret_cast<DnsHeader*>(message.data());
  if ((header->flags & (kFlagResponse | kFlagOpcode | kFlagTruncated)) != 0) return std::nullopt;
  if (header->questions != 1 || header->answers != 0 || header->authorities != 0) {
    return std::nullopt;
  }

  Question question;
  if (!parse_question(query, question)) return std::nullopt;
  const auto tail = query.subspan(question.end);
  const bool edns = header->additionals == 1;
  if (edns ? !is_plain_opt(tail) : header->additionals != 0 || !tail.empty()) return std::nullopt;
  const bool dnssec_ok = edns && (tail[7] & 0x80) != 0;

  const DnsName* name = table.find({question.name, question.name_bytes});
  if (name == nullptr) return std::nullopt;
  static const std::vector<DnsAddress> kNone;
  const std::vector<DnsAddress>* answers = &kNone;
  switch (question.type) {
    case kTypeA:
      answers = &name->v4;
      break;
    case kTypeAaaa:
      answers = &name->v6;
      break;
    case kTypeHttps:
    case kTypeSvcb:
      break;
    default:
      return std::nullopt;
  }
  const size_t bytes =
      question.end + answers->size() * record_bytes(question.type) + (edns ? kOptBytes : 0);
  if (bytes > message.size()) return std::nullopt;

  header->flags =
      static_cast<uint16_t>(kFlagResponse | kFlagRecursionAvailable |
                            (header->flags & (kFlagRecursionDesired | kFlagCheckingDisabled)));
  header->answers = static_cast<uint16_t>(answers->size());
  uint8_t* at = message.data() + question.end;
  for (const auto& answer : *answers) at = put_address(at, answer, question.type);
  if (edns) at = put_opt(at, dnssec_ok);
  return DnsAnswer{bytes, answers->empty() ? nullptr : &answers->front()};
}

}  // namespace sluice::upf
