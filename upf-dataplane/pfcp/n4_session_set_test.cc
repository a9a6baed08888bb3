// Sets of sessions that the SMF loses together.
#include <gtest/gtest.h>

#include "upf-dataplane/pfcp/n4_test_support.h"
#include "upf-dataplane/pfcp/session_set_values.h"

namespace sluice::upf::pfcp::testing {
namespace {

// Of the node 10.0.0.1 or another.
Ie csid(std::vector<uint16_t> ids, uint8_t host = 1, std::optional<uint8_t> type = {}) {
  return ie(FqCsid{.node = std::string{'\0', 10, 0, 0, static_cast<char>(host)},
                   .type = type,
                   .ids = std::move(ids)});
}
constexpr uint8_t kMme = 0, kSmfNode = 2;

class N4SessionSet : public ::testing::Test {
 protected:
  N4SessionSet() { bench.associate(); }
  uint64_t establish(uint32_t ue, Ies more) {
    Ies rules = plain_rules(Ipv4Address(kUe.value() + ue));
    rules.insert(rules.end(), more.begin(), more.end());
    return read<FSeid>(bench.establish(rules).ies).value().value().seid;
  }
  Outcome remove(Ies ies) {
    return outcome_of(bench.send(MessageType::kSessionSetDeletionRequest, std::move(ies)).value());
  }
  bool is_there(uint64_t seid) { return bench.installer.sessions().contains(Seid(seid)); }

  N4Bench bench;
};

TEST_F(N4SessionSet, goes_as_a_whole_and_takes_nothing_else_with_it) {
  const uint64_t one = establish(0, {csid({7})});
  const uint64_t both = establish(1, {csid({7, 8})});
  const uint64_t other_id = establish(2, {csid({8})});
  const uint64_t other_node = establish(3, {csid({7}, 2)});
  const uint64_t none = establish(4, {});
  const auto teids = bench.installer.teids().size();
  EXPECT_EQ(remove({ie(kSmf), csid({7})}), Outcome{Cause::kRequestAccepted});
  EXPECT_FALSE(is_there(one));
  EXPECT_FALSE(is_there(both));
  for (const uint64_t seid : {other_id, other_node, none}) EXPECT_TRUE(is_there(seid));
  EXPECT_EQ(bench.installer.teids().size(), teids - 2);
  EXPECT_EQ(remove({ie(kSmf), csid({7})}), Outcome{Cause::kRequestAccepted}) << "none is left";
  EXPECT_EQ(bench.n4.session_count(), 3U);
}

TEST_F(N4SessionSet, may_become_another) {
  const uint64_t seid = establish(0, {csid({7})});
  EXPECT_EQ(outcome_of(bench.modify(seid, {csid({9})})), Outcome{Cause::kRequestAccepted});
  remove({ie(kSmf), csid({7})});
  EXPECT_TRUE(is_there(seid));
  bench.modify(seid, {});
  remove({ie(kSmf), csid({9}), csid({10})});
  EXPECT_FALSE(is_there(seid));
}

TEST_F(N4SessionSet, takes_the_place_of_one_of_the_same_type_of_node_only) {
  const uint64_t seid = establish(0, {csid({7}, 1, kMme), csid({7}, 2, kSmfNode)});
  EXPECT_EQ(outcome_of(bench.modify(seid, {csid({8}, 3, kMme)})), Outcome{Cause::kRequestAccepted});
  remove({ie(kSmf), csid({7}, 1, kMme)});
  remove({ie(kSmf), csid({8}, 3, kSmfNode)});
  EXPECT_TRUE(is_there(seid));
  remove({ie(kSmf), csid({7}, 2, kSmfNode)});
  EXPECT_FALSE(is_there(seid)) << "that of the SMF stayed";
}

TEST_F(N4SessionSet, ends_with_an_element_that_names_none) {
  const uint64_t seid = establish(0, {csid({7}, 1, kMme), csid({7, 8}, 2, kSmfNode)});
  EXPECT_EQ(outcome_of(bench.modify(seid, {csid({}, 2, kSmfNode)})),
            Outcome{Cause::kRequestAccepted});
  remove({ie(kSmf), csid({7, 8}, 2, kSmfNode)});
  EXPECT_TRUE(is_there(seid));
  EXPECT_EQ(remove({ie(kSmf), csid({}, 1, kMme)}),
            (Outcome{Cause::kConditionalIeMissing, IeType::kFqCsid}));
  remove({ie(kSmf), csid({7}, 1)});
  EXPECT_FALSE(is_there(seid)) << "the type of a node is not always told";
}

TEST_F(N4SessionSet, is_the_associated_smfs_to_delete) {
  const uint64_t seid = establish(0, {csid({7})});
  EXPECT_EQ(remove({csid({7})}), (Outcome{Cause::kMandatoryIeMissing, IeType::kNodeId}));
  EXPECT_EQ(remove({ie(kSmf)}), (Outcome{Cause::kConditionalIeMissing, IeType::kFqCsid}));
  EXPECT_EQ(remove({ie(NodeId{.fqdn = "stranger"}), csid({7})}),
            (Outcome{Cause::kNoEstablishedAssociation, IeType::kNodeId}));
  EXPECT_EQ(remove({ie(kSmf), {.type = IeType::kFqCsid, .value = {1, 10, 0, 0, 1, 0}}}),
            (Outcome{Cause::kInvalidLength, IeType::kFqCsid}));
  EXPECT_EQ(remove({ie(kSmf), {.type = IeType::kFqCsid, .value = {0x31, 10, 0, 0, 1, 0, 7}}}),
            (Outcome{Cause::kMandatoryIeIncorrect, IeType::kFqCsid}));
  bench.smf.address = kGnb;
  EXPECT_EQ(remove({ie(kSmf), csid({7})}),
            (Outcome{Cause::kNoEstablishedAssociation, IeType::kNodeId}));
  EXPECT_TRUE(is_there(seid));
}

}  // namespace
}  // namespace sluice::upf::pfcp::testing
