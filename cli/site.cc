#include "cli/site.h"

#include <fcntl.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <thread>

#include "base/digest.h"
#include "base/unique_fd.h"
#include "cli/table.h"

namespace sluice::cli {
namespace {

using nlohmann::json;

constexpr const char* kSitePackages = "/mm3/v1/packages";
constexpr const char* kApps = "/mm3/v1/app_instances";

std::string app_target(const std::string& id) {
  return fmt::format("{}/{}", kApps, percent_encoded(id));
}

// What `show` and `list` print: member, headline.
using Columns = std::vector<std::pair<const char*, const char*>>;

std::string cell(const json& item, const char* name) {
  const auto at = item.find(name);
  if (at == item.end()) return {};
  if (at->is_string()) return at->get<std::string>();
  return at->is_array() || at->is_object() ? std::string() : at->dump();
}

void print_one(const Context& context, const json& item) {
  if (context.form == OutputForm::kJson) return print_json(item);
  std::vector<std::pair<std::string, std::string>> fields;
  for (const auto& [name, value] : item.items())
    fields.emplace_back(name, cell(item, name.c_str()));
  fmt::print("{}", fields_text(fields));
}

Result<void> print_list(const Context& context, const std::string& target,
                        const std::string& filter, const Columns& columns) {
  const auto all = get_list(context, target, filter);
  if (!all) return std::unexpected(all.error());
  if (context.form == OutputForm::kJson) {
    print_json(*all);
    return {};
  }
  std::vector<std::string> headline;
  for (const auto& [name, title] : columns) headline.emplace_back(title);
  Table table(headline);
  for (const auto& item : *all) {
    std::vector<std::string> row;
    for (const auto& [name, title] : columns) row.push_back(cell(item, name));
    table.add(std::move(row));
  }
  fmt::print("{}", table.text());
  return {};
}

Result<void> show(const Context& context, const std::string& target) {
  const auto item = context.session.get(target);
  if (!item) return std::unexpected(item.error());
  print_one(context, *item);
  return {};
}

Result<void> delete_all(const Context& context, const char* collection,
                        const std::vector<std::string>& ids) {
  for (const auto& id : ids) {
    const auto reply = context.session.call(
        {.method = "DELETE", .target = fmt::format("{}/{}", collection, percent_encoded(id))});
    if (!reply) return std::unexpected(reply.error());
    if (context.form == OutputForm::kJson) {
      print_json({{"id", id}, {"deleted", true}});
    } else {
      fmt::print("{} deleted\n", id);
    }
  }
  return {};
}

// Until nothing is under way.
Result<json> app_settled(const Context& context, const std::string& id) {
  for (auto pause = std::chrono::milliseconds(50);;
       pause = std::min(pause * 2, std::chrono::milliseconds(1000))) {
    auto app = context.session.get(app_target(id));
    if (!app || !app->contains("operation")) return app;
    if (interrupted()) {
      return fail(ErrorCode::kUnavailable, "interrupted; the site goes on with {}", id);
    }
    std::this_thread::sleep_for(pause);
  }
}

}  // namespace

Result<void> bring_package(const Context& context, const std::string& file, std::string id) {
  const auto hash = digest_of_file(file, HashAlgorithm::kSha256);
  if (!hash) return std::unexpected(hash.error());
  std::error_code error;
  const auto size = std::filesystem::file_size(file, error);
  const UniqueFd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  if (error || !fd) return std::unexpected(errno_error(file));
  if (id.empty()) id = std::filesystem::path(file).stem().string();
  off_t position = 0;
  Progress progress(context.progress, "uploaded", size);
  const auto reply = context.session.call(
      {.method = "PUT",
       .target = fmt::format("{}/{}?sha256={}", kSitePackages, percent_encoded(id), *hash),
       .headers = {{"Content-Type", "application/zip"}},
       .source = [&](char* to, size_t most) -> size_t {
         const auto n = ::pread(fd.get(), to, most, position);
         position += std::max<ssize_t>(n, 0);
         return static_cast<size_t>(std::max<ssize_t>(n, 0));
       },
       .length = size,
       .progress =
           [&](uint64_t octets) {
             progress.at(octets);
             return !interrupted();
           }});
  if (!reply) return std::unexpected(reply.error());
  progress.done();
  const auto made = json_of(*reply);
  if (!made) return std::unexpected(made.error());
  print_one(context, *made);
  return {};
}

Result<void> list_site_packages(const Context& context, const std::string& filter) {
  return print_list(context, kSitePackages, filter,
                    {{"packageId", "ID"},
                     {"appName", "APP"},
                     {"appSoftVersion", "VERSION"},
                     {"appProvider", "PROVIDER"},
                     {"size", "OCTETS"},
                     {"inUse", "IN USE"}});
}

Result<void> show_site_package(const Context& context, const std::string& id) {
  return show(context, fmt::format("{}/{}", kSitePackages, percent_encoded(id)));
}

Result<void> delete_site_packages(const Context& context, const std::vector<std::string>& ids) {
  return delete_all(context, kSitePackages, ids);
}

Result<void> desire_app(const Context& context, const AppRequest& request) {
  const auto before = context.session.get(app_target(request.id));
  if (!before && before.error().code != ErrorCode::kNotFound) {
    return std::unexpected(before.error());
  }
  const auto known = before.value_or(json::object());
  const auto package = request.package.empty() ? member(known, "packageId") : request.package;
  if (package.empty()) {
    return fail(ErrorCode::kInvalidArgument,
                "there is no app '{}' at the site; --package names what to make it of", request.id);
  }
  json body = {{"packageId", package},
               {"desiredState", request.desired},
               {"revision", known.value("revision", uint64_t{0}) + 1}};
  if (!request.graceful_timeout.empty()) {
    uint32_t seconds = 0;
    const auto* end = request.graceful_timeout.data() + request.graceful_timeout.size();
    const auto [rest, wrong] = std::from_chars(request.graceful_timeout.data(), end, seconds);
    if (wrong != std::errc() || rest != end) {
      return fail(ErrorCode::kInvalidArgument, "--graceful-timeout has to be seconds, and not '{}'",
                  request.graceful_timeout);
    }
    body["gracefulTimeout"] = seconds;
  }
  const auto reply = context.session.call({.method = "PUT",
                                           .target = app_target(request.id),
                                           .headers = {{"Content-Type", "application/json"}},
                                           .body = body.dump()});
  if (!reply) return std::unexpected(reply.error());
  const auto app = request.wait ? app_settled(context, request.id) : json_of(*reply);
  if (!app) return std::unexpected(app.error());
  if (app->value("failed", false)) {
    return fail(ErrorCode::kConflict, "{} could not become {}: {}", request.id, request.desired,
                printable(member(*app, "problem")));
  }
  print_one(context, *app);
  return {};
}

Result<void> list_apps(const Context& context, const std::string& filter) {
  return print_list(context, kApps, filter,
                    {{"appInstanceId", "ID"},
                     {"appName", "APP"},
                     {"packageId", "PACKAGE"},
                     {"desiredState", "DESIRED"},
                     {"phase", "PHASE"},
                     {"ipAddress", "ADDRESS"},
                     {"restarts", "RESTARTS"},
                     {"problem", "PROBLEM"}});
}

Result<void> show_app(const Context& context, const std::string& id) {
  return show(context, app_target(id));
}

Result<void> show_logs(const Context& context, const std::string& id, const std::string& container,
                       uint64_t lines) {
  auto target = fmt::format("{}/logs?lines={}", app_target(id), lines);
  if (!container.empty()) target += "&container=" + percent_encoded(container);
  const auto logs = context.session.get(target);
  if (!logs) return std::unexpected(logs.error());
  if (context.form == OutputForm::kJson) {
    print_json(*logs);
  } else {
    fmt::print("{}", printable_lines(member(*logs, "text")));
  }
  return {};
}

Result<void> delete_apps(const Context& context, const std::vector<std::string>& ids) {
  return delete_all(context, kApps, ids);
}

Result<void> list_operations(const Context& context, const std::string& filter) {
  return print_list(context, "/mm3/v1/operations", filter,
                    {{"operationId", "ID"},
                     {"appInstanceId", "APP INSTANCE"},
                     {"operation", "OPERATION"},
                     {"state", "STATE"},
                     {"startTime", "STARTED"},
                     {"detail", "DETAIL"}});
}

}  // namespace sluice::cli
