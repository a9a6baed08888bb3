// The command line of a program: options bound to variables, checked before main goes on.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace sluice {

class CommandLine {
 public:
  // A list takes every value that stands in its place, or behind its name.
  using Value = std::variant<std::string*, double*, int32_t*, uint16_t*, uint32_t*, uint64_t*,
                             std::vector<std::string>*>;

  // What is asked of an option beyond its type; lives as long as its command line.
  class Option {
   public:
    Option& required();
    Option& between(int64_t least, int64_t most);  // both included
    Option& one_of(std::vector<std::string> words);
    Option& from_environment(const std::string& name);  // where the line does not give it
    bool given() const;                                 // after parse()

   private:
    friend class CommandLine;
    explicit Option(CLI::Option* option) : option_(option) {}
    CLI::Option* option_;
  };

  // `about` heads the help, which --help prints with the name and the default of every option.
  CommandLine(const std::string& program, const std::string& about);
  ~CommandLine();
  CommandLine(CommandLine&&) noexcept;

  // `names` are one or more, separated by commas ("-c,--config"); without dashes the argument has
  // its place in the line. The variable holds the default and outlives parse().
  Option option(const std::string& names, Value variable, const std::string& help = {});
  // Sets the variable, or clears it when the name begins with '!'.
  void flag(const std::string& names, bool* variable, const std::string& help);
  void version(const std::string& text);  // what --version prints
  void footer(const std::string& text);   // the last line of the help

  // A command of the program, with options of its own; one of them has to be chosen. What it does
  // not know itself may be options of the program.
  CommandLine command(const std::string& name, const std::string& about);
  bool chosen() const;  // after parse() of the whole line

  // Reads the line. Otherwise than nullopt: the program ends with this code, as help was asked for
  // (printed, 0) or something is wrong (said on standard error).
  std::optional<int> parse(int argc, char** argv);

 private:
  explicit CommandLine(CLI::App* command);
  std::unique_ptr<CLI::App> owned_;  // the program's; a command's belongs to it
  CLI::App* app_;
};

}  // namespace sluice
