#include "mepm/vim/app_network.h"

#include <net/if.h>
#include <unistd.h>

#include <filesystem>

#include "base/digest.h"
#include "base/run_program.h"

namespace sluice::mepm {

std::string AppNetwork::port_name(const std::string& id) const {
  Digest digest(HashAlgorithm::kSha256);
  digest.update(name(id));
  return "sl" + digest.hex().substr(0, 12);
}

Result<void> AppNetwork::ensure(const std::string& id, const IpAddress& address) const {
  if (::if_nametoindex(options_.bridge.c_str()) == 0) {
    return fail(ErrorCode::kUnavailable, "there is no interface {} for apps", options_.bridge);
  }
  if (auto ok = configure(id, address); ok) return ok;
  // What a crash left half made may be neither used nor completed.
  if (auto ok = remove(id); !ok) return ok;
  return configure(id, address);
}

bool AppNetwork::is_whole(const std::string& id) const {
  if (::access(path(id).c_str(), F_OK) != 0) return false;
  const auto port = port_name(id);
  if (::if_nametoindex(port.c_str()) == 0) return false;
  // /sys may be another namespace's.
  const auto shown = run_program({"ip", "-o", "link", "show", "dev", port});
  if (!shown) return true;  // nobody can tell, which is no reason to end an app
  return shown->find(" master " + options_.bridge + " ") != std::string::npos;
}

// Each step does no harm where it has been done before.
Result<void> AppNetwork::configure(const std::string& id, const IpAddress& address) const {
  const auto space = name(id);
  const auto port = port_name(id);
  std::string outside;
  if (::access(path(id).c_str(), F_OK) != 0) outside += "netns add " + space + "\n";
  if (::if_nametoindex(port.c_str()) == 0) {
    outside += fmt::format("link add {} mtu {} type veth peer name eth0 mtu {} netns {}\n", port,
                           options_.mtu, options_.mtu, space);
  }
  outside += fmt::format("link set {} master {} alias {}\nlink set {} up\n", port, options_.bridge,
                         space, port);
  if (auto ok = run_program({"ip", "-batch", "-"}, outside); !ok) {
    return std::unexpected(ok.error());
  }
  auto inside =
      fmt::format("link set lo up\naddr replace {}/{} dev eth0{}\nlink set eth0 up\n",
                  address.to_string(), options_.prefix_length, address.is_v4() ? "" : " nodad");
  if (options_.gateway) {
    inside += fmt::format("route replace default via {} dev eth0\n", options_.gateway->to_string());
  }
  if (auto ok = run_program({"ip", "-netns", space, "-batch", "-"}, inside); !ok) {
    return std::unexpected(ok.error());
  }
  return {};
}

Result<void> AppNetwork::remove(const std::string& id) const {
  const auto port = port_name(id);
  if (::if_nametoindex(port.c_str()) != 0) {  // else it lives until the last process is gone
    (void)run_program({"ip", "link", "del", port});
  }
  if (::access(path(id).c_str(), F_OK) != 0) return {};
  if (auto ok = run_program({"ip", "netns", "del", name(id)}); !ok) {
    return std::unexpected(ok.error());
  }
  return {};
}

std::vector<std::string> AppNetwork::list() const {
  std::vector<std::string> out;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/run/netns", error)) {
    const auto file = entry.path().filename().string();
    if (file.starts_with(prefix_)) out.push_back(file.substr(prefix_.size()));
  }
  return out;
}

}  // namespace sluice::mepm
