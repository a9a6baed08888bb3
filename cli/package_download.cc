#include <fcntl.h>
#include <sys/stat.h>

#include <cstdio>

#include "base/digest.h"
#include "base/unique_fd.h"
#include "base/write_all.h"
#include "cli/packages.h"

namespace sluice::cli {
namespace {

using nlohmann::json;

// The size of the content.
Result<uint64_t> announced(const Context& context, const std::string& target) {
  const auto reply = context.session.call({.target = target, .headers = {{"Range", "bytes=0-0"}}});
  if (!reply) return std::unexpected(reply.error());
  const auto range = reply->header("content-range");
  const auto slash = range.find('/');
  if (reply->status != 206 || slash == std::string::npos) {
    return fail(ErrorCode::kInternal, "the server does not say how long the content is");
  }
  return std::stoull("0" + range.substr(slash + 1));
}

// What is missing of the file, behind what is there.
Result<void> get_rest(const Context& context, const std::string& target, const UniqueFd& fd,
                      uint64_t there, uint64_t size) {
  Progress progress(context.progress, "downloaded", size);
  const auto reply = context.session.call(
      {.target = target,
       .headers = {{"Range", fmt::format("bytes={}-", there)}, {"Accept", "application/zip"}},
       .sink = [&](std::string_view bytes) { return write_all(fd.get(), bytes); },
       .progress =
           [&](uint64_t octets) {
             progress.at(there + octets);
             return !interrupted();
           }});
  if (!reply) {
    auto error = reply.error();
    error.message += "\nWhat has come is kept; the same command goes on behind it";
    return std::unexpected(std::move(error));
  }
  progress.done();
  return {};
}

Result<void> check(const std::string& file, const json& info) {
  const auto checksum = info.value("checksum", json::object());
  const auto algorithm = parse_hash_algorithm(member(checksum, "algorithm"));
  if (!algorithm) return fail(ErrorCode::kInternal, "the server names no checksum");
  const auto hash = digest_of_file(file, *algorithm);
  if (!hash) return std::unexpected(hash.error());
  if (*hash == member(checksum, "hash")) return {};
  ::unlink(file.c_str());
  return fail(ErrorCode::kUnavailable, "what came does not have the package's {}; try again",
              member(checksum, "algorithm"));
}

}  // namespace

Result<void> fetch_package(const Context& context, const std::string& id, std::string file) {
  const auto info = context.session.get(package_target(id));
  if (!info) return std::unexpected(info.error());
  if (file.empty()) file = member(*info, "id") + ".csar";
  const auto target = package_target(member(*info, "id")) + "/package_content";
  const auto size = announced(context, target);
  if (!size) return std::unexpected(size.error());
  const auto part = fmt::format("{}.{}.part", file, member(*info, "id"));
  UniqueFd fd(::open(part.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
  struct stat status{};
  if (!fd || ::fstat(fd.get(), &status) != 0) return std::unexpected(errno_error(part));
  const auto there = static_cast<uint64_t>(status.st_size);
  if (there < *size) {
    if (auto ok = get_rest(context, target, fd, there, *size); !ok) return ok;
  }
  if (auto ok = check(part, *info); !ok) return ok;
  if (::fsync(fd.get()) != 0 || std::rename(part.c_str(), file.c_str()) != 0) {
    return std::unexpected(errno_error(file));
  }
  if (context.form == OutputForm::kJson) {
    fmt::print("{}\n", json{{"id", member(*info, "id")}, {"file", file}, {"size", *size}}.dump(2));
  } else {
    fmt::print("{}: {}, checksum good\n", file, size_text(*size));
  }
  return {};
}

}  // namespace sluice::cli
