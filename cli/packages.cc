#include "cli/packages.h"

#include <unistd.h>

#include <csignal>

#include "cli/table.h"

namespace sluice::cli {
namespace {

using nlohmann::json;

volatile std::sig_atomic_t stop_asked = 0;

void on_signal(int) { stop_asked = 1; }

// The target of the next page, from a Link header (RFC 8288); empty: this was the last.
std::string next_of(const std::string& link) {
  const auto next = link.find("rel=\"next\"");
  const auto end = next == std::string::npos ? next : link.rfind('>', next);
  const auto begin = end == std::string::npos ? end : link.rfind('<', end);
  if (begin == std::string::npos) return {};
  auto uri = link.substr(begin + 1, end - begin - 1);
  if (const auto scheme = uri.find("://"); scheme != std::string::npos) {
    uri = uri.substr(
        std::min(uri.find('/', scheme + 3), uri.size()));  // of this server, as we reach it
  }
  return uri;
}

std::string images_of(const json& info) {
  std::string out;
  for (const auto& image : info.value("softwareImages", json::array())) {
    out += fmt::format("{}{} {}", out.empty() ? "" : ", ", member(image, "name"),
                       member(image, "version"));
  }
  return out;
}

std::string words_of(const json& info, const char* name) {
  std::string out;
  for (const auto& word : info.value(name, json::array())) {
    if (word.is_string()) out += (out.empty() ? "" : ", ") + word.get<std::string>();
  }
  return out;
}

std::string progress_of(const json& info) {
  const auto at = info.find("uploadProgress");
  if (at == info.end() || !at->is_object()) return {};
  const auto received = at->value("received", uint64_t{0});
  if (!at->contains("size")) return size_text(received);
  return fmt::format("{} of {}", size_text(received), size_text(at->value("size", uint64_t{0})));
}

}  // namespace

void print_json(const json& value) {
  fmt::print("{}\n", value.dump(2, ' ', false, json::error_handler_t::replace));
}

void watch_interrupts() {
  struct sigaction action{};
  action.sa_handler = on_signal;
  action.sa_flags = static_cast<int>(SA_RESETHAND);  // a second one ends the program
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

bool interrupted() { return stop_asked != 0; }

std::string member(const json& object, const char* name) {
  const auto at = object.find(name);
  return at != object.end() && at->is_string() ? at->get<std::string>() : std::string();
}

std::string package_target(const std::string& id) {
  return fmt::format("{}/{}", kPackages, percent_encoded(id));
}

void print_package(const Context& context, const json& info) {
  if (context.form == OutputForm::kJson) return print_json(info);
  const auto checksum = info.value("checksum", json::object());
  fmt::print("{}", fields_text({{"id", member(info, "id")},
                                {"appDId", member(info, "appDId")},
                                {"app", member(info, "appName")},
                                {"version", member(info, "appSoftwareVersion")},
                                {"provider", member(info, "appProvider")},
                                {"onboarding", member(info, "onboardingState")},
                                {"received", progress_of(info)},
                                {"operation", member(info, "operationalState")},
                                {"usage", member(info, "usageState")},
                                {"MEC editions", words_of(info, "mecInfo")},
                                {"images", images_of(info)},
                                {member(checksum, "algorithm"), member(checksum, "hash")}}));
  if (const auto failure = info.find("onboardingFailureDetails"); failure != info.end()) {
    fmt::print("refused:       {}\n", printable(member(*failure, "detail")));
  }
}

Result<json> get_list(const Context& context, const std::string& collection,
                      const std::string& filter) {
  auto all = json::array();
  auto target = collection;
  if (!filter.empty()) target += "?filter=" + percent_encoded(filter);
  while (!target.empty()) {
    const auto reply = context.session.call({.target = target});
    if (!reply) return std::unexpected(reply.error());
    const auto page = json_of(*reply);
    if (!page) return std::unexpected(page.error());
    for (const auto& info : *page) all.push_back(info);
    target = next_of(reply->header("link"));
  }
  return all;
}

Result<void> list_packages(const Context& context, const std::string& filter) {
  const auto listed = get_list(context, kPackages, filter);
  if (!listed) return std::unexpected(listed.error());
  const auto& all = *listed;
  if (context.form == OutputForm::kJson) {
    print_json(all);
    return {};
  }
  Table table({"ID", "APP", "VERSION", "PROVIDER", "ONBOARDING", "OPERATION", "USAGE"});
  for (const auto& info : all) {
    table.add({member(info, "id"), member(info, "appName"), member(info, "appSoftwareVersion"),
               member(info, "appProvider"), member(info, "onboardingState"),
               member(info, "operationalState"), member(info, "usageState")});
  }
  fmt::print("{}", table.text());
  return {};
}

Result<void> show_package(const Context& context, const std::string& id) {
  const auto info = context.session.get(package_target(id));
  if (!info) return std::unexpected(info.error());
  print_package(context, *info);
  return {};
}

Result<void> show_descriptor(const Context& context, const std::string& id) {
  const bool as_json = context.form == OutputForm::kJson;
  const auto reply =
      context.session.call({.target = package_target(id) + "/appd",
                            .headers = {{"Accept", as_json ? "application/json" : "text/plain"}}});
  if (!reply) return std::unexpected(reply.error());
  if (!as_json) {
    // To a file as it is; a terminal would obey it.
    fmt::print("{}", ::isatty(STDOUT_FILENO) != 0 ? printable_lines(reply->body) : reply->body);
    return {};
  }
  const auto appd = json_of(*reply);
  if (!appd) return std::unexpected(appd.error());
  print_json(*appd);
  return {};
}

Result<void> set_enabled(const Context& context, const std::vector<std::string>& ids,
                         bool enabled) {
  const char* state = enabled ? "ENABLED" : "DISABLED";
  for (const auto& id : ids) {
    const auto reply = context.session.call({.method = "PATCH",
                                             .target = package_target(id),
                                             .headers = {{"Content-Type", "application/json"}},
                                             .body = json{{"operationalState", state}}.dump()});
    if (!reply) return std::unexpected(reply.error());
    if (context.form == OutputForm::kJson) {
      print_json({{"id", id}, {"operationalState", state}});
    } else {
      fmt::print("{} {}\n", id, state);
    }
  }
  return {};
}

Result<void> delete_packages(const Context& context, const std::vector<std::string>& ids) {
  for (const auto& id : ids) {
    const auto reply = context.session.call({.method = "DELETE", .target = package_target(id)});
    if (!reply) return std::unexpected(reply.error());
    if (context.form == OutputForm::kJson) {
      print_json({{"id", id}, {"deleted", true}});
    } else {
      fmt::print("{} deleted\n", id);
    }
  }
  return {};
}

}  // namespace sluice::cli
