#include "cli/site_commands.h"

namespace sluice::cli {

SiteCommands::SiteCommands(CommandLine& program)
    : packages_(program.command("site-package", "App packages at a site (sluice-mepm)")),
      bring_(packages_.command("bring", "Uploads a package (CSAR); the site checks it")),
      list_packages_(packages_.command("list", "The packages that the site has")),
      show_package_(packages_.command("show", "One package")),
      delete_packages_(packages_.command("delete", "Removes packages that no app uses")),
      apps_(
          program.command("app", "Apps at a site (sluice-mepm): run them, look at them, end them")),
      run_(apps_.command("run", "Has an app run, and waits until it does or cannot")),
      stop_(apps_.command("stop", "Has an app stop; it keeps its place")),
      terminate_(apps_.command("terminate", "Ends an app: nothing of it is left but its name")),
      list_apps_(apps_.command("list", "The apps of the site")),
      show_app_(apps_.command("show", "One app")),
      logs_(apps_.command("logs", "What an app wrote last")),
      delete_apps_(apps_.command("delete", "Forgets apps that were terminated")),
      operations_(program.command("operation", "What was asked of a site (sluice-mepm)")),
      list_operations_(operations_.command("list", "Operations on apps, and what became of them")) {
  bring_.option("FILE", &file_, "The package").required();
  bring_.option("--id", &id_, "By what the site knows it; default: the name of the file");
  for (auto* command : {&show_package_, &show_app_, &logs_, &run_, &stop_, &terminate_}) {
    command->option("ID", &id_, "Its id").required();
  }
  for (auto* command : {&delete_packages_, &delete_apps_}) {
    command->option("ID", &ids_, "Their ids").required();
  }
  for (auto* command : {&list_packages_, &list_apps_, &list_operations_}) {
    command->option("--filter", &filter_, "Only those: \"(eq,appName,cache)\" (MEC 009 §6.19)");
  }
  run_.option("--package", &package_, "What to make a new app of: id of a package at the site");
  for (auto* command : {&stop_, &terminate_}) {
    command->option("--graceful-timeout", &graceful_timeout_,
                    "Seconds that the app has; default: what its descriptor says");
  }
  for (auto* command : {&run_, &stop_, &terminate_}) {
    command->flag("--no-wait", &no_wait_, "Return when the site knows what is wanted");
  }
  logs_.option("--container", &container_, "Default: the first one");
  logs_.option("--lines", &lines_, "At most so many");
}

bool SiteCommands::chosen() const {
  return packages_.chosen() || apps_.chosen() || operations_.chosen();
}

Result<void> SiteCommands::run(const Context& context) const {
  if (bring_.chosen()) return bring_package(context, file_, id_);
  if (list_packages_.chosen()) return list_site_packages(context, filter_);
  if (show_package_.chosen()) return show_site_package(context, id_);
  if (delete_packages_.chosen()) return delete_site_packages(context, ids_);
  if (list_apps_.chosen()) return list_apps(context, filter_);
  if (show_app_.chosen()) return show_app(context, id_);
  if (logs_.chosen()) return show_logs(context, id_, container_, lines_);
  if (delete_apps_.chosen()) return delete_apps(context, ids_);
  if (list_operations_.chosen()) return list_operations(context, filter_);
  return desire_app(context, {.id = id_,
                              .package = package_,
                              .desired = run_.chosen()    ? "STARTED"
                                         : stop_.chosen() ? "STOPPED"
                                                          : "NOT_INSTANTIATED",
                              .graceful_timeout = graceful_timeout_,
                              .wait = !no_wait_});
}

}  // namespace sluice::cli
