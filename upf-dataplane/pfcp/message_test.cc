#include "upf-dataplane/pfcp/message.h"

#include <gtest/gtest.h>

#include "upf-dataplane/pfcp/ie_access.h"

namespace sluice::upf::pfcp {
namespace {

using Octets = std::vector<uint8_t>;
using Kind = DecodeError::Kind;

TEST(Message, encodes_the_header_as_the_standard_draws_it) {
  const Message heartbeat{.header = {.type = MessageType::kHeartbeatRequest, .sequence = 0x010203},
                          .ies = {{.type = IeType::kRecoveryTimeStamp, .value = {1, 2, 3, 4}}}};
  EXPECT_EQ(encode(heartbeat).value(), (Octets{0x20, 1, 0, 12, 1, 2, 3, 0,  //
                                               0, 96, 0, 4, 1, 2, 3, 4}));

  const Message deletion{.header = {.type = MessageType::kSessionDeletionRequest,
                                    .seid = 0x1122334455667788,
                                    .sequence = 7,
                                    .priority = 5,
                                    .follow_on = true}};
  EXPECT_EQ(encode(deletion).value(), (Octets{0x27, 54, 0, 12, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66,
                                              0x77, 0x88, 0, 0, 7, 0x50}));
}

TEST(Message, of_every_type_with_every_element_comes_back_as_it_was) {
  for (unsigned type = 0; type < 256; ++type) {
    const auto* info = find_message(static_cast<MessageType>(type));
    Message message{.header = {.type = static_cast<MessageType>(type), .sequence = type}};
    if (info != nullptr && info->carries_seid) message.header.seid = type;
    for (uint16_t number = 1; number < 400; ++number) {
      const auto ie_type = static_cast<IeType>(number);
      const auto* ie = find_ie(ie_type);
      if (ie != nullptr && ie->form == IeForm::kGrouped) {
        message.ies.push_back(group(ie_type, {group(ie_type, {}), {ie_type}, {IeType::kCause}}));
      } else {
        message.ies.push_back({.type = ie_type, .value = Octets(number % 7, 0xaa)});
      }
    }
    message.ies.push_back(
        {.type = static_cast<IeType>(0x8001), .enterprise_id = 10415, .value = {1}});
    const auto bytes = encode(message);
    ASSERT_TRUE(bytes);
    const auto decoded = decode(*bytes);
    ASSERT_TRUE(decoded) << type;
    EXPECT_EQ(decoded->message, message);
    EXPECT_EQ(decoded->size, bytes->size());
  }
}

TEST(Message, tables_cover_release_17) {
  int elements = 0;
  for (uint16_t number = 0; number < 1000; ++number) {
    elements += find_ie(static_cast<IeType>(number)) != nullptr ? 1 : 0;
  }
  EXPECT_EQ(elements, 321);
  EXPECT_EQ(find_ie(IeType::kPdi)->form, IeForm::kGrouped);
  EXPECT_EQ(find_ie(IeType::kSdfFilter)->form, IeForm::kPlain);
  EXPECT_EQ(to_string(IeType::kFTeid), "F-TEID (21)");
  EXPECT_EQ(to_string(static_cast<IeType>(999)), "IE 999");

  for (unsigned type = 0; type < 256; ++type) {
    const auto* info = find_message(static_cast<MessageType>(type));
    if (info == nullptr) continue;
    const auto* response = find_message(info->response);
    ASSERT_NE(response, nullptr) << info->name;
    EXPECT_FALSE(response->is_request) << info->name;
    EXPECT_EQ(response->carries_seid, info->carries_seid) << info->name;
  }
}

struct BrokenCase {
  const char* what;
  Octets bytes;
  Kind kind;
  Cause cause = Cause::kRequestRejected;  // kReject only
  IeType offending{};                     // kReject only
};

TEST(Message, that_is_broken_is_told_apart_by_what_the_receiver_must_do) {
  for (const auto& c : std::vector<BrokenCase>{
           {"nothing", {}, Kind::kDiscard},
           {"half a header", {0x20, 1, 0}, Kind::kDiscard},
           {"GTP of version 0", {0x00, 1, 0, 4, 0, 0, 1, 0}, Kind::kDiscard},
           {"a later version", {0x40, 1, 0, 4, 0, 0, 9, 0}, Kind::kLaterVersion},
           {"a later version that does not know ours",
            {0x40, 11, 0, 4, 0, 0, 9, 0},
            Kind::kDiscard},
           {"longer than the datagram", {0x20, 1, 0, 5, 0, 0, 1, 0}, Kind::kDiscard},
           {"shorter than the datagram", {0x20, 1, 0, 4, 0, 0, 1, 0, 0}, Kind::kDiscard},
           {"too short for a sequence number", {0x20, 1, 0, 3, 0, 0, 1}, Kind::kDiscard},
           {"too short for its SEID", {0x21, 54, 0, 4, 0, 0, 1, 0}, Kind::kDiscard},
           {"an element without a length",
            {0x20, 5, 0, 7, 0, 0, 1, 0, 0, 60, 0},
            Kind::kReject,
            Cause::kInvalidLength},
           {"an element that runs over",
            {0x20, 5, 0, 9, 0, 0, 1, 0, 0, 60, 0, 2, 0},
            Kind::kReject,
            Cause::kInvalidLength,
            IeType::kNodeId},
           {"an element that runs over its group",
            {0x20, 5, 0, 13, 0, 0, 1, 0, 0, 1, 0, 5, 0, 56, 0, 2, 0},
            Kind::kReject,
            Cause::kInvalidLength,
            IeType::kPdrId},
           {"a vendor's element without its Enterprise ID",
            {0x20, 5, 0, 9, 0, 0, 1, 0, 0x80, 1, 0, 1, 0},
            Kind::kReject,
            Cause::kInvalidLength,
            static_cast<IeType>(0x8001)},
       }) {
    const auto decoded = decode(c.bytes);
    ASSERT_FALSE(decoded) << c.what;
    EXPECT_EQ(decoded.error().kind, c.kind) << c.what;
    if (c.kind != Kind::kReject) continue;
    EXPECT_EQ(decoded.error().rejection.cause, c.cause) << c.what;
    EXPECT_EQ(decoded.error().rejection.offending_ie, c.offending) << c.what;
    EXPECT_EQ(decoded.error().header.sequence, 1U) << c.what;
  }
}

TEST(Message, nested_or_numerous_beyond_reason_is_refused) {
  Ie nest{.type = IeType::kPdi};
  for (unsigned i = 1; i < kMaxIeDepth; ++i) nest = group(IeType::kPdi, {nest});
  EXPECT_TRUE(decode(encode({.ies = {nest}}).value()));
  nest = group(IeType::kPdi, {nest});
  const auto deep = decode(encode({.ies = {nest}}).value());
  ASSERT_FALSE(deep);
  EXPECT_EQ(deep.error().rejection.cause, Cause::kNoResourcesAvailable);

  const std::vector<Ie> many(kMaxIeCount + 1, Ie{.type = IeType::kCause});
  EXPECT_FALSE(decode(encode({.ies = many}).value()));
}

TEST(Message, that_no_length_field_can_describe_is_not_encoded) {
  EXPECT_FALSE(encode({.ies = {{.type = IeType::kUserId, .value = Octets(65536)}}}));
  const std::vector<Ie> two(2, Ie{.type = IeType::kUserId, .value = Octets(40000)});
  EXPECT_FALSE(encode({.ies = two}));
  EXPECT_FALSE(encode({.header = {.sequence = 1U << 24}}));
}

}  // namespace
}  // namespace sluice::upf::pfcp
