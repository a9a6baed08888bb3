// The UPF's end of Mp2: listens on a Unix socket for one MEP.
#pragma once

#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

#include "base/error.h"
#include "base/event_loop.h"
#include "base/unique_fd.h"
#include "mp2/line_connection.h"
#include "mp2/messages.h"

namespace sluice::mp2 {

// What the server asks of the data plane; called on the event loop's thread.
class Mp2Handler {
 public:
  virtual ~Mp2Handler() = default;

  // What to tell a MEP that connected, and the version that updates are checked against.
  virtual Hello hello() = 0;

  // Installs the set; when it returns Applied, hello().installed is the message's version and every
  // packet from now on sees the new set. The rejected rules are those that this data plane cannot
  // install (the unreadable ones are added by the server). Refused leaves everything as it was.
  virtual std::expected<Applied, Refused> apply(Replace message) = 0;

  // As above; the server has checked that the base is what is installed.
  virtual std::expected<Applied, Refused> apply(Update message) = 0;

  // Who is behind the tags that rules name; replaces what was told before.
  virtual void apply(Tags message) = 0;
};

struct Mp2ServerConfig {
  std::string path;                  // of the socket; its directory is created when missing
  std::optional<std::string> group;  // may connect too (mode 0660); without: the owner (0600)
  size_t max_line = kDefaultMaxLine;
};

class Mp2Server {
 public:
  // Binds the socket, replacing one that a dead process left behind. Fails when a living process
  // listens there. `loop` and `handler` must outlive the server.
  static Result<std::unique_ptr<Mp2Server>> listen(EventLoop& loop, Mp2ServerConfig config,
                                                   Mp2Handler& handler);
  Mp2Server(const Mp2Server&) = delete;
  Mp2Server& operator=(const Mp2Server&) = delete;
  ~Mp2Server();  // removes the socket file

  bool connected() const { return connection_ != nullptr; }

  // Tells the MEP how all installed rules fare; sends only what it does not know yet. While the MEP
  // is slow to read, calls are skipped: the next one carries what was missed. Call it at once when
  // a state changes and every second for the counters.
  void publish_status(const Status& all);

 private:
  using Known = std::unordered_map<std::string, RuleStatus>;  // by key

  Mp2Server(EventLoop& loop, Mp2ServerConfig config, Mp2Handler& handler, UniqueFd listener);
  void accept_one();
  void on_line(std::string_view line);
  void on_close(const std::string& reason);
  void reply(uint64_t generation, std::vector<Rejection> unreadable,
             std::expected<Applied, Refused> outcome);
  // A rule that is installed anew is reported anew, however alike its status.
  void forget(const Replace& message);
  void forget(const Update& message);
  static std::vector<RuleStatus> changed(const std::vector<RuleStatus>& all, Known& known);

  EventLoop& loop_;
  Mp2ServerConfig config_;
  Mp2Handler& handler_;
  UniqueFd listener_;
  std::unique_ptr<LineConnection> connection_;
  // What this connection's peer was told last.
  Known known_rules_;
  Known known_dns_;
  Known known_guarantees_;
  std::optional<uint64_t> known_generation_;
};

}  // namespace sluice::mp2
