#include "lab/pfcp_requests.h"

#include <gtest/gtest.h>

#include "upf-dataplane/pfcp/message.h"

namespace sluice::lab {
namespace {

namespace pfcp = upf::pfcp;
using pfcp::MessageType;
using std::chrono::milliseconds;

constexpr PfcpRequests::TimePoint kStart{std::chrono::hours(1)};

// A table with T1 = 300 ms and N1 = 3 whose transmissions and outcomes are noted.
struct Rig {
  std::vector<uint32_t> sent;  // sequence numbers
  std::vector<std::string> outcomes;
  PfcpRequests requests{{.t1 = milliseconds(300), .n1 = 3}, [this](Bytes wire) {
                          sent.push_back(pfcp::decode(wire)->message.header.sequence);
                        }};

  void start(PfcpRequests::TimePoint now = kStart) {
    pfcp::Message heartbeat;
    heartbeat.header.type = MessageType::kHeartbeatRequest;
    requests.start(heartbeat, now, note());
  }
  PfcpRequests::Done note() {
    return [this](const Result<pfcp::Message>& response) {
      outcomes.push_back(response ? "answered" : "unanswered");
    };
  }
};

pfcp::Message response(MessageType type, uint32_t sequence) {
  pfcp::Message message;
  message.header.type = type;
  message.header.sequence = sequence;
  return message;
}

TEST(PfcpRequests, AResponseOfTheSameSequenceAndKindCompletesOnce) {
  Rig rig;
  rig.start();
  rig.start();
  ASSERT_EQ(rig.sent, (std::vector<uint32_t>{1, 2}));
  EXPECT_FALSE(rig.requests.complete(response(MessageType::kHeartbeatResponse, 3)));
  EXPECT_FALSE(rig.requests.complete(response(MessageType::kAssociationSetupResponse, 2)));
  EXPECT_TRUE(rig.requests.complete(response(MessageType::kHeartbeatResponse, 2)));
  EXPECT_FALSE(rig.requests.complete(response(MessageType::kHeartbeatResponse, 2)));
  EXPECT_EQ(rig.outcomes, std::vector<std::string>{"answered"});
  EXPECT_EQ(rig.requests.size(), 1U);
}

TEST(PfcpRequests, AreSentN1TimesAndThenGivenUp) {
  Rig rig;
  rig.start();
  rig.requests.tick(kStart + milliseconds(299));
  EXPECT_EQ(rig.sent.size(), 1U);
  rig.requests.tick(kStart + milliseconds(300));
  rig.requests.tick(kStart + milliseconds(600));
  EXPECT_EQ(rig.sent, (std::vector<uint32_t>{1, 1, 1}));
  EXPECT_TRUE(rig.outcomes.empty());
  rig.requests.tick(kStart + milliseconds(900));
  EXPECT_EQ(rig.sent.size(), 3U);
  EXPECT_EQ(rig.outcomes, std::vector<std::string>{"unanswered"});
  EXPECT_EQ(rig.requests.size(), 0U);
}

TEST(PfcpRequests, ForgettingWhileGivingUpSparesTheOthers) {
  Rig rig;
  for (int i = 0; i < 2; ++i) {
    pfcp::Message heartbeat;
    heartbeat.header.type = MessageType::kHeartbeatRequest;
    rig.requests.start(heartbeat, kStart, [&rig](const Result<pfcp::Message>&) {
      rig.outcomes.push_back("forgot the rest");
      rig.requests.forget_all();
    });
  }
  for (int i = 1; i <= 3; ++i) rig.requests.tick(kStart + i * milliseconds(300));
  EXPECT_EQ(rig.outcomes, std::vector<std::string>{"forgot the rest"});
}

TEST(PfcpRequests, AResponseIsNoRequest) {
  Rig rig;
  rig.requests.start(response(MessageType::kHeartbeatResponse, 0), kStart, rig.note());
  EXPECT_TRUE(rig.sent.empty());
  EXPECT_EQ(rig.outcomes, std::vector<std::string>{"unanswered"});
}

}  // namespace
}  // namespace sluice::lab
