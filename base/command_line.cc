#include "base/command_line.h"

#include <CLI/CLI.hpp>
#include <utility>

namespace sluice {

CommandLine::Option& CommandLine::Option::required() {
  option_->required()->default_str("");
  return *this;
}

CommandLine::Option& CommandLine::Option::between(int64_t least, int64_t most) {
  option_->check(CLI::Range(least, most));
  return *this;
}

CommandLine::Option& CommandLine::Option::one_of(std::vector<std::string> words) {
  option_->check(CLI::IsMember(std::move(words)));
  return *this;
}

CommandLine::Option& CommandLine::Option::from_environment(const std::string& name) {
  option_->envname(name);
  return *this;
}

bool CommandLine::Option::given() const { return option_->count() > 0; }

CommandLine::CommandLine(const std::string& program, const std::string& about)
    : owned_(std::make_unique<CLI::App>(about, program)), app_(owned_.get()) {}

CommandLine::CommandLine(CLI::App* command) : app_(command) {}
CommandLine::CommandLine(CommandLine&&) noexcept = default;
CommandLine::~CommandLine() = default;

CommandLine::Option CommandLine::option(const std::string& names, Value variable,
                                        const std::string& help) {
  return std::visit(
      [&](auto* value) {
        return Option(app_->add_option(names, *value, help)->capture_default_str());
      },
      variable);
}

void CommandLine::flag(const std::string& names, bool* variable, const std::string& help) {
  app_->add_flag(names, *variable, help);
}

void CommandLine::version(const std::string& text) { app_->set_version_flag("--version", text); }

void CommandLine::footer(const std::string& text) { app_->footer(text); }

CommandLine CommandLine::command(const std::string& name, const std::string& about) {
  app_->require_subcommand(1);
  return CommandLine(app_->add_subcommand(name, about)->fallthrough());
}

bool CommandLine::chosen() const { return app_->parsed(); }

std::optional<int> CommandLine::parse(int argc, char** argv) {
  try {
    app_->parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app_->exit(error);
  }
  return std::nullopt;
}

}  // namespace sluice
