// Client and server over a real Unix socket, and each against a peer that misbehaves.
#include <gmock/gmock.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <functional>

#include "base/run_until.h"
#include "mp2/client.h"
#include "mp2/server.h"
#include "mp2/test_rules.h"
#include "mp2/unix_socket.h"

namespace sluice::mp2 {
namespace {

using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::HasSubstr;

class Recorder final : public Mp2ClientHandler {
 public:
  void on_hello(const Hello& hello) override { hellos.push_back(hello); }
  Result<void> on_applied(const Applied& m) override {
    applied.push_back(m);
    return {};
  }
  Result<void> on_refused(const Refused& m) override {
    refused.push_back(m);
    return {};
  }
  void on_status(const Status& m) override { statuses.push_back(m); }
  void on_disconnect() override { ++disconnects; }

  std::vector<Hello> hellos;
  std::vector<Applied> applied;
  std::vector<Refused> refused;
  std::vector<Status> statuses;
  int disconnects = 0;
};

// Installs everything but rules called "bad".
class FakeDataPlane final : public Mp2Handler {
 public:
  Hello hello() override { return {"instance-1", installed, {}}; }
  std::expected<Applied, Refused> apply(Replace m) override {
    if (m.rules.size() > 2) {
      return std::unexpected(Refused{m.version.generation, RefusalCode::kLimit, "two at most"});
    }
    keys.clear();
    return install(m.version, m.rules);
  }
  std::expected<Applied, Refused> apply(Update m) override {
    for (const auto& key : m.remove_rules) std::erase(keys, key);
    return install(m.version, m.upsert_rules);
  }
  void apply(Tags m) override { tags = std::move(m); }

  SetVersion installed;
  std::vector<std::string> keys;
  Tags tags;

 private:
  Applied install(const SetVersion& version, const std::vector<RuleEntry>& rules) {
    Applied out{version.generation, {}};
    for (const auto& entry : rules) {
      if (entry.key.ends_with("/bad")) {
        out.rejected.push_back({RuleKind::kTraffic, entry.key, "cannot"});
      } else {
        keys.push_back(entry.key);
      }
    }
    installed = version;
    return out;
  }
};

class Mp2Session : public testing::Test {
 protected:
  Mp2Session() {
    auto pattern = (std::filesystem::temp_directory_path() / "mp2-test-XXXXXX").string();
    directory_ = mkdtemp(pattern.data());
    path_ = directory_ + "/run/mp2.sock";
  }
  ~Mp2Session() override { std::filesystem::remove_all(directory_); }

  void start_server(size_t max_line = kDefaultMaxLine) {
    auto server = Mp2Server::listen(loop_, {path_, std::nullopt, max_line}, plane_);
    ASSERT_TRUE(server) << server.error().to_string();
    server_ = std::move(*server);
  }
  void start_client() {
    client_ = std::make_unique<Mp2Client>(
        loop_, Mp2ClientConfig{path_, kDefaultMaxLine, milliseconds(1), milliseconds(4)},
        recorder_);
  }
  [[nodiscard]] bool serve_until(const std::function<bool()>& done) {
    return run_until(loop_, done);
  }
  // The next line that a raw peer of the server reads.
  std::string read_line(int fd) {
    std::string line;
    const bool complete = serve_until([&] {
      char c;
      while (recv(fd, &c, 1, MSG_DONTWAIT) == 1) {
        if (c == '\n') return true;
        line.push_back(c);
      }
      return false;
    });
    EXPECT_TRUE(complete);
    return line;
  }
  bool is_closed(int fd) {
    return serve_until([&] {
      char buffer[4096];
      ssize_t n;
      while ((n = recv(fd, buffer, sizeof buffer, MSG_DONTWAIT)) > 0) {
      }
      return n == 0 || (errno != EAGAIN && errno != EINTR);
    });
  }
  static void write_all(int fd, std::string_view text) {
    ASSERT_EQ(send(fd, text.data(), text.size(), MSG_NOSIGNAL), static_cast<ssize_t>(text.size()));
  }

  EventLoop loop_;
  std::string directory_;
  std::string path_;
  FakeDataPlane plane_;
  Recorder recorder_;
  std::unique_ptr<Mp2Server> server_;
  std::unique_ptr<Mp2Client> client_;
};

TEST_F(Mp2Session, installs_a_set_and_then_a_change) {
  start_server();
  start_client();
  ASSERT_TRUE(serve_until([&] { return client_->connected(); }));
  EXPECT_EQ(recorder_.hellos.at(0).instance_id, "instance-1");
  EXPECT_EQ(recorder_.hellos.at(0).installed, (SetVersion{"", 0}));

  (void)client_->send(
      Replace{{"store", 5}, {rule_entry("a", "1"), rule_entry("a", "bad")}, {}, {}});
  (void)client_->send(Update{{"store", 6}, 5, {rule_entry("a", "2")}, {"a/1"}, {}, {}, {}});
  ASSERT_TRUE(serve_until([&] { return recorder_.applied.size() == 2; }));
  EXPECT_EQ(recorder_.applied[0], (Applied{5, {{RuleKind::kTraffic, "a/bad", "cannot"}}}));
  EXPECT_EQ(recorder_.applied[1], (Applied{6, {}}));
  EXPECT_THAT(plane_.keys, ElementsAre("a/2"));
}

TEST_F(Mp2Session, refuses_an_update_that_builds_on_something_else) {
  start_server();
  plane_.installed = {"store", 5};
  start_client();
  ASSERT_TRUE(serve_until([&] { return client_->connected(); }));
  (void)client_->send(Update{{"store", 7}, 6, {rule_entry("a", "1")}, {}, {}, {}, {}});
  (void)client_->send(Update{{"other", 6}, 5, {rule_entry("a", "1")}, {}, {}, {}, {}});
  (void)client_->send(Replace{
      {"s", 8}, {rule_entry("a", "1"), rule_entry("a", "2"), rule_entry("a", "3")}, {}, {}});
  ASSERT_TRUE(serve_until([&] { return recorder_.refused.size() == 3; }));
  EXPECT_EQ(recorder_.refused[0].code, RefusalCode::kResync);
  EXPECT_EQ(recorder_.refused[0].generation, 7U);
  EXPECT_EQ(recorder_.refused[1].code, RefusalCode::kResync);
  EXPECT_EQ(recorder_.refused[2], (Refused{8, RefusalCode::kLimit, "two at most"}));
  EXPECT_THAT(plane_.keys, ElementsAre());
}

TEST_F(Mp2Session, starts_in_either_order_and_outlives_restarts_of_the_server) {
  start_client();
  for (int round = 0; round < 5; ++round) loop_.run_once(milliseconds(1));  // in vain
  for (size_t restart = 1; restart <= 3; ++restart) {
    start_server();
    ASSERT_TRUE(serve_until([&] { return recorder_.hellos.size() == restart; }));
    server_.reset();
    ASSERT_TRUE(serve_until([&] { return recorder_.disconnects == static_cast<int>(restart); }));
    EXPECT_FALSE(client_->connected());
  }
}

TEST_F(Mp2Session, tells_only_the_status_that_is_news) {
  start_server();
  start_client();
  ASSERT_TRUE(serve_until([&] { return client_->connected(); }));
  Status status{1,
                {{"a/1", SteeringState::kSteering, "", 10, 1, 64},
                 {"a/2", SteeringState::kSteering, "", 10, 0, 0}},
                {},
                {{"g", SteeringState::kSteering, "", 10, 1, 64}}};
  server_->publish_status(status);
  server_->publish_status(status);
  status.rules[0].hits = 2;
  server_->publish_status(status);
  ASSERT_TRUE(serve_until([&] { return recorder_.statuses.size() == 2; }));
  EXPECT_EQ(recorder_.statuses[0].rules.size(), 2U);
  EXPECT_THAT(recorder_.statuses[1].rules, ElementsAre(status.rules[0]));

  // What is installed anew is told anew.
  (void)client_->send(Replace{{"s", 1}, {rule_entry("a", "1"), rule_entry("a", "2")}, {}, {}});
  ASSERT_TRUE(serve_until([&] { return recorder_.applied.size() == 1; }));
  server_->publish_status(status);
  (void)client_->send(Update{{"s", 2}, 1, {rule_entry("a", "1")}, {}, {}, {}, {}});
  ASSERT_TRUE(serve_until([&] { return recorder_.applied.size() == 2; }));
  server_->publish_status(status);
  ASSERT_TRUE(serve_until([&] { return recorder_.statuses.size() == 4; }));
  EXPECT_EQ(recorder_.statuses[2], status);
  EXPECT_THAT(recorder_.statuses[3].rules, ElementsAre(status.rules[0]));
  recorder_.statuses.clear();

  // A new connection knows nothing yet.
  client_.reset();
  start_client();
  ASSERT_TRUE(serve_until([&] { return recorder_.hellos.size() == 2; }));
  server_->publish_status(status);
  ASSERT_TRUE(serve_until([&] { return recorder_.statuses.size() == 1; }));
  EXPECT_EQ(recorder_.statuses[0], status);
}

TEST_F(Mp2Session, carries_ten_thousand_rules) {
  class Counter final : public Mp2Handler {
   public:
    Hello hello() override { return {"i", installed, {}}; }
    std::expected<Applied, Refused> apply(Replace m) override {
      installed = m.version;
      count = m.rules.size();
      return Applied{m.version.generation, {}};
    }
    std::expected<Applied, Refused> apply(Update m) override {
      return apply(Replace{m.version, {}, {}, {}});
    }
    void apply(Tags) override {}
    SetVersion installed;
    size_t count = 0;
  } counter;
  const auto server = Mp2Server::listen(loop_, {path_, std::nullopt, kDefaultMaxLine}, counter);
  ASSERT_TRUE(server);
  start_client();
  ASSERT_TRUE(serve_until([&] { return client_->connected(); }));
  Replace all{{"store", 1}, {}, {}, {}};
  for (int i = 0; i < 10'000; ++i) all.rules.push_back(rule_entry("app", std::to_string(i)));
  (void)client_->send(all);
  ASSERT_TRUE(serve_until([&] { return recorder_.applied.size() == 1; }));
  EXPECT_EQ(counter.count, 10'000U);
}

TEST_F(Mp2Session, the_client_does_not_send_what_the_server_would_not_read) {
  start_server();
  client_ = std::make_unique<Mp2Client>(
      loop_, Mp2ClientConfig{path_, 1000, milliseconds(1), milliseconds(4)}, recorder_);
  ASSERT_TRUE(serve_until([&] { return client_->connected(); }));
  Replace large{{"s", 1}, {}, {}, {}};
  for (int i = 0; i < 10; ++i) large.rules.push_back(rule_entry("a", std::to_string(i)));
  EXPECT_EQ(client_->send(large).error().code, ErrorCode::kResourceExhausted);
  EXPECT_TRUE(client_->send(Replace{{"s", 2}, {rule_entry("a", "1")}, {}, {}}));
  ASSERT_TRUE(serve_until([&] { return recorder_.applied.size() == 1; }));
  EXPECT_EQ(recorder_.disconnects, 0);
}

TEST_F(Mp2Session, a_newer_connection_replaces_the_older) {
  start_server();
  const auto older = *connect_unix(path_);
  EXPECT_THAT(read_line(older.get()), HasSubstr("hello"));
  const auto newer = *connect_unix(path_);
  EXPECT_THAT(read_line(newer.get()), HasSubstr("hello"));
  EXPECT_TRUE(is_closed(older.get()));
  EXPECT_TRUE(server_->connected());
}

TEST_F(Mp2Session, the_server_answers_nonsense_and_goes_on) {
  start_server();
  const auto peer = *connect_unix(path_);
  read_line(peer.get());
  for (const auto* nonsense :
       {"\n", "nonsense\n", "{\"type\":\"replace\"}\n", "{\"type\":\"applied\",\"generation\":1}\n",
        "\xff\xfe\n", "[[[[[[[[[[[[[[[[[[[[[[[[\n"}) {
    write_all(peer.get(), nonsense);
    EXPECT_THAT(read_line(peer.get()), HasSubstr("INVALID")) << nonsense;
  }
  write_all(peer.get(), encode(Replace{{"s", 1}, {rule_entry("a", "1")}, {}, {}}));
  EXPECT_THAT(read_line(peer.get()), HasSubstr("applied"));
}

TEST_F(Mp2Session, a_line_may_come_in_pieces) {
  start_server();
  const auto peer = *connect_unix(path_);
  read_line(peer.get());
  const auto line = encode(Replace{{"s", 1}, {rule_entry("a", "1")}, {}, {}});
  for (const char c : line) {
    write_all(peer.get(), {&c, 1});
    loop_.run_once(milliseconds(0));
  }
  EXPECT_THAT(read_line(peer.get()), HasSubstr("applied"));
}

TEST_F(Mp2Session, a_line_beyond_the_bound_closes_the_connection) {
  start_server(1000);
  for (const auto* end : {"", "\n"}) {
    const auto peer = *connect_unix(path_);
    read_line(peer.get());
    write_all(peer.get(), std::string(1001, ' ') + end);
    EXPECT_TRUE(is_closed(peer.get()));
    EXPECT_FALSE(server_->connected());
  }
}

TEST_F(Mp2Session, half_a_message_changes_nothing) {
  start_server();
  {
    const auto peer = *connect_unix(path_);
    read_line(peer.get());
    const auto line = encode(Replace{{"s", 1}, {rule_entry("a", "1")}, {}, {}});
    write_all(peer.get(), std::string_view(line).substr(0, line.size() - 1));
  }  // killed in the middle
  ASSERT_TRUE(serve_until([&] { return !server_->connected(); }));
  EXPECT_EQ(plane_.installed, (SetVersion{"", 0}));
}

TEST_F(Mp2Session, the_client_leaves_a_server_that_talks_nonsense_and_comes_back) {
  std::filesystem::create_directories(directory_ + "/run");
  for (const auto* nonsense : {"nonsense\n", "{\"type\":\"applied\",\"generation\":1}\n"}) {
    auto listener = *listen_unix(path_, std::nullopt);
    client_.reset();
    start_client();
    for (int attempt = 0; attempt < 2; ++attempt) {
      UniqueFd peer;
      ASSERT_TRUE(serve_until([&] {
        peer.reset(accept4(listener.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
        return peer.get() >= 0;
      }));
      write_all(peer.get(), nonsense);
      EXPECT_TRUE(is_closed(peer.get()));
    }
  }
  EXPECT_TRUE(recorder_.applied.empty());
  EXPECT_EQ(recorder_.disconnects, 0);  // there was no hello
}

TEST_F(Mp2Session, the_socket_is_the_owners_alone_and_replaces_a_dead_one) {
  start_server();
  struct stat info{};
  ASSERT_EQ(stat(path_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600U);
  EXPECT_THAT(Mp2Server::listen(loop_, {path_, std::nullopt, 1000}, plane_).error().message,
              HasSubstr("another process listens"));
  server_.reset();
  EXPECT_FALSE(std::filesystem::exists(path_));

  (void)listen_unix(path_, std::nullopt);  // dies at once, its file stays
  ASSERT_TRUE(std::filesystem::exists(path_));
  start_server();

  server_.reset();
  std::ofstream(path_) << "precious";
  EXPECT_THAT(Mp2Server::listen(loop_, {path_, std::nullopt, 1000}, plane_).error().message,
              HasSubstr("is not a socket"));
}

}  // namespace
}  // namespace sluice::mp2
