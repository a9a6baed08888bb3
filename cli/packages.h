// `sluicectl package …`: app packages, by MEC 010-2 app_pkgm of sluice-meao.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/client/session.h"
#include "cli/progress.h"

namespace sluice::cli {

using client::error_of;
using client::HttpReply;
using client::json_of;
using client::percent_encoded;
using client::Session;

enum class OutputForm : unsigned char { kTable, kJson };

struct Context {
  Session& session;
  OutputForm form = OutputForm::kTable;
  ProgressStyle progress = ProgressStyle::kNone;
};

struct OnboardOptions {
  std::string file;      // the package; or
  std::string from_uri;  // where the server fetches it, and
  std::string checksum;  // its SHA-256 or SHA-512, hexadecimal
  std::string name;      // until the descriptor says it; empty: that of the file
  std::string version;
  std::string provider;     // empty: whatever the descriptor says
  std::string resume;       // id of a package whose upload was interrupted; empty: a new one
  uint64_t part_bytes = 0;  // of the file in one request
  bool wait = true;         // until it is onboarded or refused
  bool keep = false;        // at the server, also when it is refused
};

// Each prints what it has to say to standard output. Ids may be those of descriptors (appDId), too.
Result<void> list_packages(const Context& context, const std::string& filter);
Result<void> show_package(const Context& context, const std::string& id);
Result<void> show_descriptor(const Context& context, const std::string& id);
Result<void> onboard_package(const Context& context, const OnboardOptions& options);
Result<void> set_enabled(const Context& context, const std::vector<std::string>& ids, bool enabled);
Result<void> delete_packages(const Context& context, const std::vector<std::string>& ids);

// To a file; empty: ID.csar. What an interrupted call has got is used again. The file is there when
// it is complete and its checksum is right.
Result<void> fetch_package(const Context& context, const std::string& id, std::string file);

// Shared with the files of the commands.
inline constexpr const char* kPackages = "/app_pkgm/v1/app_packages";
std::string package_target(const std::string& id);
void print_package(const Context& context, const nlohmann::json& info);
void print_json(const nlohmann::json& value);
// All pages of a list.
Result<nlohmann::json> get_list(const Context& context, const std::string& target,
                                const std::string& filter);
std::string member(const nlohmann::json& object, const char* name);  // of a text; else empty

// Signals ask to stop: SIGINT and SIGTERM, once watch_interrupts() was called.
void watch_interrupts();
bool interrupted();

}  // namespace sluice::cli
