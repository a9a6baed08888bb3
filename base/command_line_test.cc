#include "base/command_line.h"

#include <gmock/gmock.h>

namespace sluice {
namespace {

using ::testing::HasSubstr;

// The program of the tests: a command with an option of each kind.
struct Program {
  std::string name = "core";
  uint16_t port = 80;
  bool fast = false;
  bool huge = true;
  uint32_t number = 0;
  CommandLine line{"program", "What it is for."};
  CommandLine serve{line.command("serve", "Serves")};
  CommandLine ask{line.command("ask", "Asks")};
  CommandLine::Option number_option{ask.option("N", &number, "Which one")};

  Program() {
    line.version("1.2.3");
    serve.option("-n,--name", &name, "Whose").one_of({"core", "edge"});
    serve.option("--port", &port, "Where").between(1, 100);
    serve.flag("--fast", &fast, "Hurry");
    serve.flag("!--no-huge", &huge, "Do without");
    ask.option("--to", &name, "Whom").required();
  }

  // The exit code, and what was printed.
  std::optional<int> parse(std::vector<std::string> words, std::string* printed = nullptr) {
    words.insert(words.begin(), "program");
    std::vector<char*> argv;
    for (auto& word : words) argv.push_back(word.data());
    ::testing::internal::CaptureStdout();
    ::testing::internal::CaptureStderr();
    const auto code = line.parse(static_cast<int>(argv.size()), argv.data());
    const auto out = ::testing::internal::GetCapturedStdout();
    const auto err = ::testing::internal::GetCapturedStderr();
    if (printed != nullptr) *printed = out + err;
    return code;
  }
};

TEST(CommandLine, KeepsTheDefaultsOfWhatIsNotSaid) {
  Program program;
  EXPECT_EQ(program.parse({"serve"}), std::nullopt);
  EXPECT_TRUE(program.serve.chosen());
  EXPECT_FALSE(program.ask.chosen());
  EXPECT_EQ(program.name, "core");
  EXPECT_EQ(program.port, 80);
  EXPECT_TRUE(program.huge);
  EXPECT_FALSE(program.fast);
}

TEST(CommandLine, SetsTheVariables) {
  Program program;
  EXPECT_EQ(program.parse({"serve", "-n", "edge", "--port", "7", "--fast", "--no-huge"}),
            std::nullopt);
  EXPECT_EQ(program.name, "edge");
  EXPECT_EQ(program.port, 7);
  EXPECT_TRUE(program.fast);
  EXPECT_FALSE(program.huge);
}

TEST(CommandLine, TakesArgumentsByTheirPlace) {
  Program program;
  EXPECT_EQ(program.parse({"ask", "--to", "b", "5"}), std::nullopt);
  EXPECT_TRUE(program.number_option.given());
  EXPECT_EQ(program.number, 5U);
}

TEST(CommandLine, RefusesWhatIsWrongAndSaysWhy) {
  struct Case {
    std::vector<std::string> words;
    std::string reason;
  };
  for (const auto& [words, reason] : std::vector<Case>{
           {{}, "subcommand"},
           {{"ask"}, "--to is required"},
           {{"serve", "--port", "101"}, "101"},
           {{"serve", "--port", "x"}, "--port"},
           {{"serve", "--name", "moon"}, "moon"},
           {{"serve", "--speed"}, "--speed"},
       }) {
    Program program;
    std::string printed;
    EXPECT_NE(program.parse(words, &printed).value_or(0), 0) << reason;
    EXPECT_THAT(printed, HasSubstr(reason));
  }
}

TEST(CommandLine, PrintsHelpAndVersion) {
  std::string printed;
  EXPECT_EQ(Program().parse({"--version"}, &printed), 0);
  EXPECT_EQ(printed, "1.2.3\n");
  EXPECT_EQ(Program().parse({"serve", "--help"}, &printed), 0);
  EXPECT_THAT(printed, HasSubstr("=core"));
}

TEST(CommandLine, OptionsOfTheProgramMayStandBehindACommandOrInTheEnvironment) {
  const auto parsed = [](std::vector<std::string> words) {
    std::string server = "here";
    std::vector<std::string> ids;
    CommandLine line("program", "What it is for.");
    line.option("--server", &server, "Where").from_environment("SLUICE_TEST_SERVER");
    auto group = line.command("things", "Of things");
    auto remove = group.command("remove", "Removes");
    remove.option("ID", &ids, "Which").required();
    words.insert(words.begin(), "program");
    std::vector<char*> argv;
    for (auto& word : words) argv.push_back(word.data());
    EXPECT_EQ(line.parse(static_cast<int>(argv.size()), argv.data()), std::nullopt);
    EXPECT_TRUE(remove.chosen());
    return std::pair(server, ids);
  };
  const std::vector<std::string> ids = {"a", "b"};
  EXPECT_EQ(parsed({"things", "remove", "a", "b"}), std::pair(std::string("here"), ids));
  EXPECT_EQ(parsed({"things", "remove", "a", "b", "--server", "there"}),
            std::pair(std::string("there"), ids));
  ::setenv("SLUICE_TEST_SERVER", "elsewhere", 1);
  EXPECT_EQ(parsed({"things", "remove", "a", "b"}), std::pair(std::string("elsewhere"), ids));
  EXPECT_EQ(parsed({"--server", "there", "things", "remove", "a", "b"}),
            std::pair(std::string("there"), ids));
  ::unsetenv("SLUICE_TEST_SERVER");
}

}  // namespace
}  // namespace sluice
