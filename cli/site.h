// `sluicectl site-package …`, `app …`, `operation …`: what runs at one site, by Mm3 of sluice-mepm.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/packages.h"

namespace sluice::cli {

struct AppRequest {
  std::string id;
  std::string package;           // empty: the one that it has
  std::string desired;           // STARTED, STOPPED, NOT_INSTANTIATED
  std::string graceful_timeout;  // seconds; empty: what the descriptor says
  bool wait = true;              // until it is so, or has failed
};

// `id` empty: the name of the file without its ending.
Result<void> bring_package(const Context& context, const std::string& file, std::string id);
Result<void> list_site_packages(const Context& context, const std::string& filter);
Result<void> show_site_package(const Context& context, const std::string& id);
Result<void> delete_site_packages(const Context& context, const std::vector<std::string>& ids);

Result<void> desire_app(const Context& context, const AppRequest& request);
Result<void> list_apps(const Context& context, const std::string& filter);
Result<void> show_app(const Context& context, const std::string& id);
Result<void> show_logs(const Context& context, const std::string& id, const std::string& container,
                       uint64_t lines);
Result<void> delete_apps(const Context& context, const std::vector<std::string>& ids);

Result<void> list_operations(const Context& context, const std::string& filter);

}  // namespace sluice::cli
