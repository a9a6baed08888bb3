// Any bytes as a stream of reports, in pieces: each line is taken or refused with a reason, the
// same however it is cut, and the numbers of users in cells and zones stay in step.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "feeds/line_splitter.h"
#include "feeds/ran_state.h"

using namespace sluice;

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

void check(const feeds::RanState& state) {
  size_t in_zones = 0;
  for (const auto& [name, zone] : state.zones()) {
    size_t users = 0;
    require(!zone.cells.empty());
    for (const auto id : zone.cells) {
      require(state.cell(id).in_map && state.cell(id).zone == name);
      for (const auto user : state.cell(id).users) require(state.user(user).cell == id);
      users += state.cell(id).users.size();
    }
    require(users == zone.users);
    in_zones += users;
  }
  require(in_zones <= state.users());
}

struct Watch : feeds::RanState::Observer {
  void changed(const feeds::RanState&, const feeds::Change& change) override {
    require(change.kind == feeds::Change::Kind::kCell || change.located || change.forgotten ||
            change.was != change.is || change.was_zone != change.is_zone);
  }
};

// What came of each line.
std::string run(std::string_view text, size_t piece) {
  feeds::RanState state({.users = 4, .cells = 3, .bearers_of_user = 2});
  feeds::LineSplitter splitter(256);
  Watch watch;
  std::string out;
  const auto line = [&](uint64_t number, std::string_view found) {
    auto report = feeds::parse_report(found);
    require(report || !report.error().message.empty());
    const auto taken = report ? state.apply(std::move(*report), &watch)
                              : Result<bool>(std::unexpected(std::move(report.error())));
    out += std::to_string(number) + (!taken ? "-" : *taken ? "+" : "=");
    check(state);
  };
  const auto too_long = [&](uint64_t number) { out += std::to_string(number) + "L"; };
  for (size_t at = 0; at < text.size(); at += piece)
    splitter.take(text.substr(at, piece), line, too_long);
  splitter.end(line, too_long);
  state.forget_before(100, 200, &watch);
  check(state);
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (size > 8192) return 0;
  require(run(text, size + 1) == run(text, 7));
  return 0;
}
