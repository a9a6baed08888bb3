#include "base/descriptor_limit.h"

#include <sys/resource.h>

namespace sluice {
namespace {

[[noreturn]] void exit_with_verdict(rlimit start, size_t connections, size_t fit, rlim_t soft) {
  setrlimit(RLIMIT_NOFILE, &start);
  const bool right = make_room_for(connections) == fit;
  rlimit now{};
  getrlimit(RLIMIT_NOFILE, &now);
  std::exit(right && now.rlim_cur == soft ? 0 : 1);
}

TEST(DescriptorLimit, is_raised_as_far_as_needed_and_allowed) {
  struct Case {
    rlimit start;
    size_t connections;
    size_t fit;
    rlim_t soft_afterwards;
  };
  for (const auto& c : {Case{{300, 1000}, 400, 400, 656},
                        {{300, 1000}, 10, 10, 300},
                        {{300, 600}, 10'000, 344, 600},
                        {{100, 100}, 10'000, 1, 100}}) {
    // In a child process: what is lowered cannot be raised again.
    EXPECT_EXIT(exit_with_verdict(c.start, c.connections, c.fit, c.soft_afterwards),
                testing::ExitedWithCode(0), "")
        << c.connections;
  }
}

}  // namespace
}  // namespace sluice
