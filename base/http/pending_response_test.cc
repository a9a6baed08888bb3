#include "base/http/pending_response.h"

#include <thread>

#include "base/http/router.h"

namespace sluice::http {
namespace {

Response text(std::string body) { return Response{200, {}, std::move(body)}; }

Response exclaim(Response&& reply) {
  reply.body += "!";
  return std::move(reply);
}

// What the receiver got, in order.
struct Inbox {
  PendingResponse::Receiver receiver() {
    return [this](Response&& reply) { got.push_back(std::move(reply)); };
  }
  std::vector<Response> got;
};

TEST(PendingResponse, ReachesItsReceiverWhicheverComesFirst) {
  for (const bool resolved_first : {true, false}) {
    Inbox inbox;
    const auto pending = std::make_shared<PendingResponse>();
    if (resolved_first) pending->resolve(text("a"));
    pending->on_ready(inbox.receiver());
    if (!resolved_first) pending->resolve(text("a"));
    ASSERT_EQ(inbox.got.size(), 1U);
    EXPECT_EQ(inbox.got[0].body, "a");
  }
}

TEST(PendingResponse, OnlyTheFirstReplyCounts) {
  Inbox inbox;
  const auto pending = std::make_shared<PendingResponse>();
  pending->on_ready(inbox.receiver());
  pending->resolve(text("first"));
  pending->resolve(text("second"));
  ASSERT_EQ(inbox.got.size(), 1U);
  EXPECT_EQ(inbox.got[0].body, "first");
}

TEST(PendingResponse, IsAServerFaultWhenNobodyCanResolveItAnyMore) {
  Inbox inbox;
  auto pending = std::make_shared<PendingResponse>();
  pending->on_ready(inbox.receiver());
  pending.reset();
  ASSERT_EQ(inbox.got.size(), 1U);
  EXPECT_EQ(inbox.got[0].status, 500);
  EXPECT_EQ(inbox.got[0].headers.get("Content-Type"), "application/problem+json");
}

TEST(PendingResponse, ChangesApplyInOrderAndFailAsServerFaults) {
  const auto pending = std::make_shared<PendingResponse>();
  auto reply = then(then(deferred(pending), exclaim), [](Response&& r) {
    r.body += "?";
    return std::move(r);
  });
  pending->resolve(text("a"));
  EXPECT_EQ(await(std::move(reply)).body, "a!?");

  const auto failing = std::make_shared<PendingResponse>();
  auto fault = then(deferred(failing), [](Response&&) -> Response { throw std::bad_alloc(); });
  failing->resolve(text("a"));
  EXPECT_EQ(await(std::move(fault)).status, 500);
}

TEST(PendingResponse, AReplyThatIsThereIsChangedAtOnce) {
  EXPECT_EQ(then(text("a"), exclaim).body, "a!");
  EXPECT_EQ(await(text("a")).body, "a");
}

TEST(PendingResponse, MayBeResolvedWithAnotherThatIsPending) {
  const auto outer = std::make_shared<PendingResponse>();
  const auto inner = std::make_shared<PendingResponse>();
  auto reply = then(deferred(outer), exclaim);
  outer->resolve(then(deferred(inner), exclaim));
  inner->resolve(text("a"));
  EXPECT_EQ(await(std::move(reply)).body, "a!!");
}

TEST(PendingResponse, IsResolvedFromAnotherThread) {
  auto pending = std::make_shared<PendingResponse>();
  auto reply = deferred(pending);
  std::jthread other([pending = std::move(pending)] { pending->resolve(text("a")); });
  EXPECT_EQ(await(std::move(reply)).body, "a");
}

TEST(Router, PassesDeferredRepliesOnAndStripsThemForHead) {
  for (const auto method : {Method::kGet, Method::kHead}) {
    const auto pending = std::make_shared<PendingResponse>();
    RouterOptions options;
    options.plain_routes.push_back(
        {Method::kGet, "/late", [&](const Request&) { return deferred(pending); }});
    const auto router = *Router::build({}, {}, std::move(options));
    Request request;
    request.method = method;
    request.target = "/late";
    auto reply = router.handle(std::move(request));
    ASSERT_TRUE(reply.pending);
    pending->resolve(text("abc"));
    const auto out = await(std::move(reply));
    EXPECT_EQ(out.body, method == Method::kGet ? "abc" : "");
    EXPECT_EQ(out.headers.has("Content-Length"), method == Method::kHead);
  }
}

}  // namespace
}  // namespace sluice::http
