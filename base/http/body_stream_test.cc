// Bodies that are not held in memory, over both versions of HTTP, without sockets.
#include "base/http/body_stream.h"

#include "base/http/http1_connection.h"
#include "base/http/http2_connection.h"
#include "base/http/http2_test_client.h"
#include "base/http/pending_response.h"
#include "base/http/router.h"

namespace sluice::http {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

// Remembers how much came at most in one piece, and the sum.
class Counting final : public BodyConsumer {
 public:
  Result<void> take(std::string_view bytes) override {
    if (refuse_after && taken + bytes.size() > *refuse_after) {
      return fail(ErrorCode::kUnavailable, "the disk is full");
    }
    taken += bytes.size();
    largest = std::max(largest, bytes.size());
    return {};
  }
  size_t taken = 0;
  size_t largest = 0;
  std::optional<size_t> refuse_after;
};

class Letters final : public BodySource {
 public:
  explicit Letters(uint64_t size, uint64_t good) : size_(size), left_(good) {}
  uint64_t size() const override { return size_; }
  Result<size_t> read(char* to, size_t most) override {
    if (left_ == 0) return fail(ErrorCode::kInternal, "gone");
    const auto n = static_cast<size_t>(std::min<uint64_t>({most, left_, 1000}));
    std::fill_n(to, n, 'x');
    left_ -= n;
    return n;
  }

 private:
  uint64_t size_;
  uint64_t left_;
};

class BodyStream : public ::testing::Test {
 protected:
  BodyStream() {
    limits_.max_body = 1000;
    limits_.max_streamed_body = 1'000'000;
    service_.admit = [this](Request&) {
      Admission out;
      out.known = true;
      if (refusal_ != 0) {
        out.refusal = Response::problem(refusal_, "no");
      } else {
        out.consumer = consumer_;
      }
      return out;
    };
    service_.handle = [this](Request&& request) {
      ++handled_;
      EXPECT_EQ(request.consumer, consumer_);
      EXPECT_TRUE(request.body.empty());
      return Response::no_content();
    };
  }

  std::string send(const std::vector<std::string>& pieces) {
    Http1Connection connection(limits_, {service_, "192.0.2.1:1", false, {}});
    std::string out;
    for (const auto& piece : pieces) {
      connection.feed(piece);
      connection.serve(out, 1 << 20);
      EXPECT_LT(connection.held().total(), 100'000U);
    }
    streamed_ = connection.streamed();
    finished_ = connection.finished();
    return out;
  }

  ParserLimits limits_;
  Service service_;
  std::shared_ptr<Counting> consumer_ = std::make_shared<Counting>();
  int refusal_ = 0;
  int handled_ = 0;
  uint64_t streamed_ = 0;
  bool finished_ = false;
};

std::string head(const std::string& fields) {
  return "PUT /x HTTP/1.1\r\nHost: x\r\n" + fields + "\r\n";
}

TEST_F(BodyStream, GoesToTheConsumerAsItComes) {
  std::vector<std::string> pieces = {head("Content-Length: 500000\r\n")};
  for (int i = 0; i < 10; ++i) pieces.emplace_back(50'000, 'b');
  EXPECT_THAT(send(pieces), StartsWith("HTTP/1.1 204"));
  EXPECT_EQ(consumer_->taken, 500'000U);
  EXPECT_LE(consumer_->largest, 50'000U);
  EXPECT_EQ(streamed_, 500'000U);
  EXPECT_EQ(handled_, 1);
}

TEST_F(BodyStream, MayBeChunked) {
  EXPECT_THAT(
      send({head("Transfer-Encoding: chunked\r\n"), "5\r\nabcde\r\n", "3\r\nfgh\r\n0\r\n\r\n"}),
      StartsWith("HTTP/1.1 204"));
  EXPECT_EQ(consumer_->taken, 8U);
}

TEST_F(BodyStream, IsBoundedByALimitOfItsOwn) {
  EXPECT_THAT(send({head("Content-Length: 1000001\r\n")}), StartsWith("HTTP/1.1 413"));
  EXPECT_EQ(consumer_->taken, 0U);
  EXPECT_EQ(handled_, 0);
}

TEST_F(BodyStream, EndsWhenTheConsumerTakesNoMore) {
  consumer_->refuse_after = 10;
  const auto reply = send({head("Content-Length: 100\r\n"), std::string(50, 'b')});
  EXPECT_THAT(reply, StartsWith("HTTP/1.1 503"));
  EXPECT_THAT(reply, HasSubstr("the disk is full"));
  EXPECT_TRUE(finished_);
  EXPECT_EQ(handled_, 0);
}

TEST_F(BodyStream, ThatIsRefusedAndLongIsAnsweredAtOnce) {
  refusal_ = 401;
  EXPECT_THAT(send({head("Content-Length: 500000\r\n")}), StartsWith("HTTP/1.1 401"));
  EXPECT_TRUE(finished_);
  // One whose length nobody knows is thrown away, but not without end.
  std::vector<std::string> pieces = {head("Transfer-Encoding: chunked\r\n")};
  for (int i = 0; i < 3; ++i) pieces.push_back("1f4\r\n" + std::string(500, 'b') + "\r\n");
  EXPECT_THAT(send(pieces), StartsWith("HTTP/1.1 401"));
  EXPECT_TRUE(finished_);
}

TEST_F(BodyStream, OfAReplyIsReadAsThereIsRoom) {
  service_.admit = nullptr;
  service_.handle = [](Request&&) {
    Response out{200, {}, {}};
    out.source = std::make_shared<Letters>(100'000, 100'000);
    return out;
  };
  Http1Connection connection(limits_, {service_, "192.0.2.1:1", false, {}});
  connection.feed("GET /x HTTP/1.1\r\nHost: x\r\n\r\nGET /y HTTP/1.1\r\nHost: x\r\n\r\n");
  size_t all = 0;
  std::string out;
  while (!connection.serve(out, 10'000)) {
    EXPECT_LE(out.size(), 12'000U);
    all += out.size();
    out.clear();
  }
  all += out.size();
  EXPECT_GT(all, 200'000U);
  EXPECT_LT(all, 201'000U);  // two headers
  EXPECT_FALSE(connection.finished());
}

TEST_F(BodyStream, OfAReplyThatBreaksOffEndsTheConnection) {
  service_.admit = nullptr;
  service_.handle = [](Request&&) {
    Response out{200, {}, {}};
    out.source = std::make_shared<Letters>(5000, 2000);
    return out;
  };
  const auto reply = send({"GET /x HTTP/1.1\r\nHost: x\r\n\r\n"});
  EXPECT_THAT(reply, HasSubstr("Content-Length: 5000\r\n"));
  EXPECT_THAT(reply, EndsWith("\r\n\r\n" + std::string(2000, 'x')));
  EXPECT_TRUE(finished_);
}

// A client and the server's end of an HTTP/2 connection, joined.
class BodyStreamOverHttp2 : public BodyStream {
 protected:
  BodyStreamOverHttp2() {
    transport_limits_.parser = limits_;
    transport_limits_.max_unread = 10'000;
  }

  // Lets both talk, `enough` octets of the server's at a time; how much it owed at most.
  size_t talk(Http2Connection& server, size_t enough) {
    size_t owed = 0;
    while (true) {
      const auto said = client_.output();
      server.feed(said);
      std::string out;
      server.serve(out, enough);
      owed = std::max(owed, server.owed());
      EXPECT_LT(out.size(), enough + 20'000);
      if (said.empty() && out.empty()) return owed;
      client_.input(out);
    }
  }

  TransportLimits transport_limits_;
  Http2TestClient client_;
};

TEST_F(BodyStreamOverHttp2, GoesToTheConsumerAsItComes) {
  Http2Connection server(transport_limits_, {service_, "192.0.2.1:1", false, {}});
  const auto id = client_.ask(Http2TestClient::head("PUT", "/x"), std::string(500'000, 'b'));
  talk(server, 1000);
  EXPECT_EQ(client_.replies[id].status, 204);
  EXPECT_EQ(consumer_->taken, 500'000U);
  EXPECT_EQ(server.streamed(), 500'000U);
  EXPECT_EQ(server.held().total(), 0U);
}

TEST_F(BodyStreamOverHttp2, EndsTheStreamAloneWhenTheConsumerTakesNoMore) {
  Http2Connection server(transport_limits_, {service_, "192.0.2.1:1", false, {}});
  consumer_->refuse_after = 10;
  const auto id = client_.ask(Http2TestClient::head("PUT", "/x"), std::string(500, 'b'));
  talk(server, 1000);
  EXPECT_EQ(client_.replies[id].status, 503);
  EXPECT_FALSE(server.finished());
}

TEST_F(BodyStreamOverHttp2, OfAReplyIsPulledAsTheClientReadsAndOwesNothing) {
  service_.admit = nullptr;
  service_.handle = [](Request&& request) {
    Response out{200, {}, {}};
    const uint64_t good = request.target == "/broken" ? 20'000 : 300'000;
    out.source = std::make_shared<Letters>(300'000, good);
    return out;
  };
  ReplyBudget budget(1 << 20);
  Http2Connection server(transport_limits_, {service_, "192.0.2.1:1", false, {}, &budget});
  std::vector<int32_t> asked;
  for (const auto* path : {"/a", "/b", "/broken"}) {
    asked.push_back(client_.ask(Http2TestClient::head("GET", path)));
  }
  EXPECT_LT(talk(server, 1000), transport_limits_.max_unread);
  for (const size_t i : {0U, 1U}) {
    const auto& reply = client_.replies[asked.at(i)];
    EXPECT_EQ(reply.headers.get("content-length"), "300000");
    EXPECT_EQ(reply.body, std::string(300'000, 'x'));
    EXPECT_TRUE(reply.complete);
  }
  EXPECT_TRUE(client_.replies[asked.at(2)].reset.has_value());
  EXPECT_EQ(server.owed(), 0U);
  EXPECT_EQ(budget.owed(), 0U);
}

}  // namespace
}  // namespace sluice::http
