// sluicectl: the operator's command line.
#include <cstdio>
#include <cstdlib>

#include "base/command_line.h"
#include "cli/site_commands.h"

namespace sluice::cli {
namespace {

constexpr int kFailed = 1;
constexpr int kWrongUse = 2;
constexpr int kUnreachable = 3;

struct Settings {
  client::ServerOptions server = {.uri = "http://127.0.0.1:8090", .user_agent = "sluicectl"};
  std::string token;
  std::string credentials;
  std::string form = "table";
  bool quiet = false;
};

void declare(CommandLine& line, Settings& s) {
  line.option("-s,--server", &s.server.uri,
              "Scheme, name and port of sluice-meao, or of a site's sluice-mepm")
      .from_environment("SLUICE_SERVER");
  line.option("-c,--credentials", &s.credentials,
              "JSON file with client_id and client_secret, as the server writes it: "
              "STATE/operator.json")
      .from_environment("SLUICE_CREDENTIALS");
  line.option("--token", &s.token, "Access token, instead of --credentials")
      .from_environment("SLUICE_TOKEN");
  line.option("--ca-file", &s.server.ca_file,
              "PEM file of who signs the server's certificate; default: the system's")
      .from_environment("SLUICE_CA_FILE");
  line.option("--client-cert", &s.server.certificate, "PEM file, to show to the server")
      .from_environment("SLUICE_CLIENT_CERT");
  line.option("--client-key", &s.server.key, "PEM file; default: the one of --client-cert")
      .from_environment("SLUICE_CLIENT_KEY");
  line.flag("--plain-http", &s.server.plain_http,
            "Send credentials unencrypted to a server that is not on this host");
  line.option("-o,--output", &s.form, "What to print").one_of({"table", "json"});
  line.flag("-q,--quiet", &s.quiet, "No progress on standard error");
  line.footer(
      "The options above may also stand behind a command.\n"
      "Exit codes: 0 done, 1 refused or failed, 2 wrong use, 3 the server cannot be reached.");
}

// The commands on packages, what belongs to them, and how they are run.
class PackageCommands {
 public:
  explicit PackageCommands(CommandLine& program)
      : group_(program.command("package", "App packages: onboard them, look at them, remove them")),
        onboard_(group_.command("onboard",
                                "Uploads a package (CSAR) and waits until it is onboarded, or "
                                "says everything that is wrong with it")),
        list_(group_.command("list", "The packages that are there")),
        show_(group_.command("show", "One package")),
        descriptor_(group_.command("descriptor", "The descriptor (AppD) of an onboarded package")),
        enable_(group_.command("enable", "Lets apps be made from packages")),
        disable_(group_.command("disable", "Lets no further apps be made from packages")),
        delete_(group_.command("delete", "Removes packages that no app uses")),
        fetch_(group_.command("fetch",
                              "Downloads a package and checks it; goes on where it was "
                              "interrupted")) {
    declare_onboard();
    list_.option("--filter", &filter_,
                 "Only those: \"(eq,onboardingState,ONBOARDED)\" (MEC 009 §6.19)");
    for (auto* command : {&show_, &descriptor_, &fetch_}) {
      command->option("ID", &id_, "Its id, or that of its descriptor").required();
    }
    for (auto* command : {&enable_, &disable_, &delete_}) {
      command->option("ID", &ids_, "Their ids, or those of their descriptors").required();
    }
    fetch_.option("--to", &file_, "The file; default: ID.csar");
  }

  Result<void> run(const Context& context) const {
    if (onboard_.chosen()) {
      auto options = onboarding_;
      options.wait = !no_wait_;
      return onboard_package(context, options);
    }
    if (list_.chosen()) return list_packages(context, filter_);
    if (show_.chosen()) return show_package(context, id_);
    if (descriptor_.chosen()) return show_descriptor(context, id_);
    if (enable_.chosen()) return set_enabled(context, ids_, true);
    if (disable_.chosen()) return set_enabled(context, ids_, false);
    if (delete_.chosen()) return delete_packages(context, ids_);
    return fetch_package(context, id_, file_);
  }

 private:
  void declare_onboard() {
    auto& o = onboarding_;
    o.version = "0";
    o.part_bytes = 64 << 20;
    onboard_.option("FILE", &o.file, "The package");
    onboard_.option("--from", &o.from_uri, "URI from which the server fetches it, instead of FILE");
    onboard_.option("--checksum", &o.checksum,
                    "SHA-256 or SHA-512 of the package, hexadecimal; default: computed of FILE");
    onboard_.option("--name", &o.name,
                    "Shown until the descriptor is read; default: the name of the file");
    onboard_.option("--package-version", &o.version, "Shown until the descriptor is read");
    onboard_.option("--provider", &o.provider, "What the descriptor has to say; default: anything");
    onboard_.option("--resume", &o.resume, "Id of a package whose upload was interrupted");
    onboard_.option("--part-bytes", &o.part_bytes, "Of FILE in one request; 0: all of it");
    onboard_.flag("--no-wait", &no_wait_, "Return when the package is uploaded");
    onboard_.flag("--keep", &o.keep, "Also a package that is refused; otherwise it is deleted");
  }

  OnboardOptions onboarding_;
  bool no_wait_ = false;
  std::string filter_;
  std::string id_;
  std::vector<std::string> ids_;
  std::string file_;
  CommandLine group_, onboard_, list_, show_, descriptor_, enable_, disable_, delete_, fetch_;
};

int exit_code_of(const Error& error) {
  if (error.code == ErrorCode::kUnavailable) return kUnreachable;
  return kFailed;
}

int report(const Error& error, int code) {
  fmt::print(stderr, "sluicectl: {}\n", error.to_string());
  return code;
}

int main_with(const Settings& settings, const PackageCommands& packages, const SiteCommands& site) {
  auto credentials = client::read_credentials(settings.token, settings.credentials);
  if (!credentials) return report(credentials.error(), kWrongUse);
  auto http = client::HttpClient::open(settings.server);
  if (!http) return report(http.error(), kWrongUse);
  Session session(std::move(*http), std::move(*credentials));
  watch_interrupts();
  const Context context{session, settings.form == "json" ? OutputForm::kJson : OutputForm::kTable,
                        settings.quiet ? ProgressStyle::kNone : default_progress()};
  if (auto done = site.chosen() ? site.run(context) : packages.run(context); !done) {
    return report(done.error(), exit_code_of(done.error()));
  }
  return std::fflush(stdout) == 0 ? 0 : kFailed;
}

}  // namespace
}  // namespace sluice::cli

int main(int argc, char** argv) {
  sluice::CommandLine line("sluicectl",
                           "Operates Sluice: app packages at the orchestrator, apps at a site.");
  line.version(SLUICE_VERSION);
  sluice::cli::Settings settings;
  sluice::cli::declare(line, settings);
  const sluice::cli::PackageCommands packages(line);
  const sluice::cli::SiteCommands site(line);
  if (const auto code = line.parse(argc, argv)) return *code == 0 ? 0 : 2;
  return sluice::cli::main_with(settings, packages, site);
}
