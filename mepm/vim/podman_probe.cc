// Whether a container is well: by a command in it, or a request in its network.
#include "base/netns.h"
#include "base/printable.h"
#include "mepm/vim/podman.h"

namespace sluice::mepm {
namespace {

using client::percent_encoded;
using nlohmann::json;

// From within the network of the app, so that it need not be reachable from here.
Result<void> ask(const std::string& space, const Probe& probe) {
  const auto seconds = static_cast<long>(probe.timeout.count());
  auto http = client::HttpClient::open({.uri = fmt::format("http://127.0.0.1:{}", probe.http_port),
                                        .user_agent = "sluice-mepm",
                                        .connect_timeout_s = seconds,
                                        .stall_timeout_s = seconds,

                                        .longest_s = seconds,
                                        .max_reply = 64 << 10});
  if (!http) return std::unexpected(http.error());
  const auto scope = NetnsScope::enter(space);
  if (!scope) return fail(ErrorCode::kUnavailable, "{}", scope.error().message);
  const auto reply = http->send({.target = probe.http_path});
  if (!reply) return fail(ErrorCode::kUnavailable, "{}", printable(reply.error().message));
  if (reply->status >= 200 && reply->status < 400) return {};
  return fail(ErrorCode::kUnavailable, "{} answers {}", probe.http_path, reply->status);
}

}  // namespace

Result<void> Podman::run_probe(const std::string& container, const Probe& probe) const {
  // The service has no bound for a command of its own; `timeout` of the image may not exist.
  const auto made =
      client_.post("/containers/" + percent_encoded(container) + "/exec",
                   {{"Cmd", probe.command}, {"AttachStdout", true}, {"AttachStderr", true}});
  if (!made) return fail(ErrorCode::kUnavailable, "{}", made.error().message);
  const auto id = text_of(*made, "Id");
  const auto ran = client_.call({.method = "POST",
                                 .target = "/exec/" + id + "/start",
                                 .headers = {{"Content-Type", "application/json"}},
                                 .body = R"({"Detach":false})"},
                                0, probe.timeout);
  const auto remove = [&] {
    // Since podman 4.8; before that a session goes by `exit_command_delay` (mepm/README.md).
    (void)client_.call({.method = "POST",
                        .target = "/exec/" + id + "/remove",
                        .headers = {{"Content-Type", "application/json"}},
                        .body = R"({"Force":true})"},
                       404);
  };
  if (!ran) {
    remove();
    return fail(ErrorCode::kUnavailable, "{}", ran.error().message);
  }
  const auto result = client_.get("/exec/" + id + "/json");
  remove();
  if (!result) return std::unexpected(result.error());
  const auto exit = result->is_object() ? result->value("ExitCode", json(-1)) : json(-1);
  const auto code = exit.is_number_integer() ? exit.get<int>() : -1;
  if (code == 0) return {};
  return fail(ErrorCode::kUnavailable, "{} ends with {}: {}", printable(probe.command.front()),
              code, printable(text_of_frames(ran->body).substr(0, 200)));
}

Result<void> Podman::probe(const std::string& id, const std::string& container,
                           const Probe& probe) {
  if (!probe.command.empty()) return run_probe(container_name(id, container), probe);
  if (probe.http_port != 0) return ask(network_.name(id), probe);
  return {};
}

}  // namespace sluice::mepm
