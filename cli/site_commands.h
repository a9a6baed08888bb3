// The command lines of what runs at one site, and how they are run.
#pragma once

#include "base/command_line.h"
#include "cli/site.h"

namespace sluice::cli {

class SiteCommands {
 public:
  explicit SiteCommands(CommandLine& program);
  bool chosen() const;  // one of them
  Result<void> run(const Context& context) const;

 private:
  std::string file_;
  std::string id_;
  std::vector<std::string> ids_;
  std::string filter_;
  std::string package_;
  std::string graceful_timeout_;
  std::string container_;
  uint64_t lines_ = 100;
  bool no_wait_ = false;
  CommandLine packages_, bring_, list_packages_, show_package_, delete_packages_;
  CommandLine apps_, run_, stop_, terminate_, list_apps_, show_app_, logs_, delete_apps_;
  CommandLine operations_, list_operations_;
};

}  // namespace sluice::cli
