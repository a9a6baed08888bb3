#include "mp2/unix_socket.h"

#include <grp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

namespace sluice::mp2 {
namespace {

Result<sockaddr_un> address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path) {
    return fail(ErrorCode::kInvalidArgument, "socket path '{}' must have 1 to {} characters", path,
                sizeof address.sun_path - 1);
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

Result<UniqueFd> new_socket() {
  UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return std::unexpected(errno_error("socket"));
  return fd;
}

Result<gid_t> group_id(const std::string& name) {
  errno = 0;
  const auto* group = getgrnam(name.c_str());
  if (group == nullptr) return fail(ErrorCode::kInvalidArgument, "no group '{}'", name);
  return group->gr_gid;
}

// Makes room for a new socket file: removes one that nobody listens at.
Result<void> clear_path(const std::string& path) {
  std::error_code error;
  const auto directory = std::filesystem::path(path).parent_path();
  if (!directory.empty()) std::filesystem::create_directories(directory, error);
  if (error) {
    return fail(ErrorCode::kInternal, "create {}: {}", directory.string(), error.message());
  }
  const auto status = std::filesystem::symlink_status(path, error);
  if (status.type() == std::filesystem::file_type::not_found) return {};
  if (status.type() != std::filesystem::file_type::socket) {
    return fail(ErrorCode::kConflict, "{} exists and is not a socket", path);
  }
  if (connect_unix(path)) {
    return fail(ErrorCode::kConflict, "another process listens at {}", path);
  }
  if (unlink(path.c_str()) != 0 && errno != ENOENT) {
    return std::unexpected(errno_error("unlink " + path));
  }
  return {};
}

}  // namespace

Result<UniqueFd> listen_unix(const std::string& path, const std::optional<std::string>& group) {
  const auto address = address_of(path);
  if (!address) return std::unexpected(address.error());
  if (auto ok = clear_path(path); !ok) return std::unexpected(ok.error());
  auto fd = new_socket();
  if (!fd) return fd;

  // The file that bind() makes takes the socket's own mode, so that it never is more open than it
  // should be, not even for a moment.
  if (fchmod(fd->get(), group ? 0660 : 0600) != 0) return std::unexpected(errno_error("fchmod"));
  if (bind(fd->get(), reinterpret_cast<const sockaddr*>(&*address), sizeof *address) != 0) {
    return std::unexpected(errno_error("bind " + path));
  }
  if (group) {
    const auto id = group_id(*group);
    if (!id) return std::unexpected(id.error());
    // The umask may have taken the group's bits away at bind().
    if (chown(path.c_str(), static_cast<uid_t>(-1), *id) != 0 || chmod(path.c_str(), 0660) != 0) {
      return std::unexpected(errno_error("give " + path + " to group " + *group));
    }
  }
  if (listen(fd->get(), 8) != 0) return std::unexpected(errno_error("listen " + path));
  return fd;
}

Result<UniqueFd> connect_unix(const std::string& path) {
  const auto address = address_of(path);
  if (!address) return std::unexpected(address.error());
  auto fd = new_socket();
  if (!fd) return fd;
  if (connect(fd->get(), reinterpret_cast<const sockaddr*>(&*address), sizeof *address) != 0) {
    return std::unexpected(errno_error("connect " + path));
  }
  return fd;
}

}  // namespace sluice::mp2
