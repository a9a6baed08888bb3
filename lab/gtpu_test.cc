#include "lab/gtpu.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace sluice::lab {
namespace {

using Octets = std::vector<uint8_t>;

struct ParseCase {
  std::string name;
  Octets datagram;
  uint32_t teid;
  std::optional<uint8_t> qfi;
  Octets payload;
};

constexpr auto kCaseName = [](const auto& test) { return test.param.name; };

class GtpuAccepts : public testing::TestWithParam<ParseCase> {};

TEST_P(GtpuAccepts, AndFindsThePayload) {
  const auto& c = GetParam();
  const auto message = parse_gtpu(c.datagram);
  ASSERT_TRUE(message) << message.error().to_string();
  EXPECT_EQ(message->type, GtpuType::kGPdu);
  EXPECT_EQ(message->teid, Teid(c.teid));
  EXPECT_EQ(message->qfi, c.qfi);
  EXPECT_EQ(Octets(message->payload.begin(), message->payload.end()), c.payload);
}

INSTANTIATE_TEST_SUITE_P(
    Table, GtpuAccepts,
    testing::Values(
        ParseCase{"Plain", {0x30, 255, 0, 2, 0, 0, 0, 7, 0xaa, 0xbb}, 7, {}, {0xaa, 0xbb}},
        ParseCase{"TrailingOctetsBeyondTheLength",
                  {0x30, 255, 0, 1, 0, 0, 0, 7, 0xaa, 0xbb},
                  7,
                  {},
                  {0xaa}},
        ParseCase{"SequenceNumber",
                  {0x32, 255, 0, 5, 1, 2, 3, 4, 9, 9, 0, 0x85, 0xaa},
                  0x01020304,
                  {},
                  {0xaa}},
        ParseCase{"PduSessionContainer",
                  {0x34, 255, 0, 9, 0, 0, 0, 1, 0, 0, 0, 0x85, 1, 0x00, 0x49, 0, 0xaa},
                  1,
                  9,
                  {0xaa}},
        ParseCase{"ContainerAfterAnOptionalExtension",
                  {0x34, 255, 0, 13, 0, 0, 0, 1, 0, 0, 0, 0x40, 1, 8, 104, 0x85, 1, 0, 5, 0, 0xaa},
                  1,
                  5,
                  {0xaa}},
        ParseCase{"ContainerOfTwoUnits",
                  {0x34, 255, 0, 13, 0, 0, 0, 1, 0, 0, 0, 0x85, 2, 0x00, 63, 0, 0, 0, 0, 0, 0xaa},
                  1,
                  63,
                  {0xaa}}),
    kCaseName);

struct RejectCase {
  std::string name;
  Octets datagram;
  ErrorCode code;
};

class GtpuRejects : public testing::TestWithParam<RejectCase> {};

TEST_P(GtpuRejects, WithTheRightKind) {
  const auto message = parse_gtpu(GetParam().datagram);
  ASSERT_FALSE(message);
  EXPECT_EQ(message.error().code, GetParam().code);
}

INSTANTIATE_TEST_SUITE_P(
    Table, GtpuRejects,
    testing::Values(
        RejectCase{"Empty", {}, ErrorCode::kInvalidArgument},
        RejectCase{"SevenOctets", {0x30, 255, 0, 0, 0, 0, 0}, ErrorCode::kInvalidArgument},
        RejectCase{"Version2", {0x50, 255, 0, 0, 0, 0, 0, 0}, ErrorCode::kInvalidArgument},
        RejectCase{"GtpPrime", {0x20, 255, 0, 0, 0, 0, 0, 0}, ErrorCode::kInvalidArgument},
        RejectCase{"LengthPastTheEnd", {0x30, 255, 0, 9, 0, 0, 0, 0}, ErrorCode::kInvalidArgument},
        RejectCase{"OptionalFieldsCutShort",
                   {0x32, 255, 0, 3, 0, 0, 0, 0, 1, 1, 1},
                   ErrorCode::kInvalidArgument},
        RejectCase{"ExtensionOfLengthZero",
                   {0x34, 255, 0, 8, 0, 0, 0, 1, 0, 0, 0, 0x85, 0, 0, 0, 0},
                   ErrorCode::kInvalidArgument},
        RejectCase{"ExtensionPastTheEnd",
                   {0x34, 255, 0, 8, 0, 0, 0, 1, 0, 0, 0, 0x85, 2, 0, 0, 0},
                   ErrorCode::kInvalidArgument},
        RejectCase{"UnknownExtensionThatMustBeUnderstood",
                   {0x34, 255, 0, 8, 0, 0, 0, 1, 0, 0, 0, 0xc5, 1, 0, 0, 0},
                   ErrorCode::kUnsupported}),
    kCaseName);

TEST(Gtpu, UplinkHeaderIsWhatTs38415Draws) {
  EXPECT_THAT(uplink_header(Teid(0xa1b2c3d4), 9, 1000),
              testing::ElementsAre(0x34, 0xff, 0x03, 0xf0, 0xa1, 0xb2, 0xc3, 0xd4, 0, 0, 0, 0x85, 1,
                                   0x10, 9, 0));
}

TEST(Gtpu, EchoResponseRepeatsTheSequenceAndCarriesRecovery) {
  EXPECT_THAT(echo_response(0x1234),
              testing::ElementsAre(0x32, 2, 0, 6, 0, 0, 0, 0, 0x12, 0x34, 0, 0, 14, 0));
}

TEST(Gtpu, ErrorIndicationNamesTheTeidForEitherFamily) {
  for (const auto* own : {"192.0.2.1", "2001:db8::1"}) {
    const auto wire = error_indication(Teid(0xdeadbeef), *IpAddress::parse(own));
    const auto message = parse_gtpu(wire);
    ASSERT_TRUE(message) << own;
    EXPECT_EQ(message->type, GtpuType::kErrorIndication);
    EXPECT_EQ(error_indication_teid(message->payload), Teid(0xdeadbeef)) << own;
  }
}

TEST(Gtpu, ErrorIndicationElementsMayComeInAnyOrder) {
  EXPECT_EQ(error_indication_teid(Octets{133, 0, 4, 192, 0, 2, 1, 16, 0, 0, 0, 5}), Teid(5));
}

TEST(Gtpu, DamagedErrorIndicationNamesNoTeid) {
  const Octets damaged[] = {{}, {16, 0, 0}, {133, 0, 9, 1}, {133, 0}, {99, 1, 2, 3}, {14}};
  for (const auto& elements : damaged) {
    EXPECT_EQ(error_indication_teid(elements), std::nullopt);
  }
}

}  // namespace
}  // namespace sluice::lab
