#include <fcntl.h>
#include <unistd.h>

#include "app-package/reader.h"
#include "app-package/survey.h"
#include "base/unique_fd.h"
#include "base/write_all.h"

namespace sluice::app_package {
namespace {

Result<void> unpack_from(const std::string& archive, const std::string& path, const std::string& to,
                         const ArchiveLimits& limits, const std::atomic<bool>& stop) {
  const UniqueFd fd(
      ::open(to.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd) return fail(ErrorCode::kUnavailable, "{}", errno_error("open " + to).message);
  Problems problems;
  bool done = false;
  std::string unwritten;
  for_each_file(archive, limits, problems, [&](const ArchiveFile& file, FileReader& reader) {
    if (file.path != path) return true;
    done = reader.read([&](std::string_view bytes) {
      if (stop) return false;
      if (write_all(fd.get(), bytes)) return true;
      unwritten = errno_error("write " + to).message;
      return false;
    });
    return false;  // the rest is of no interest
  });
  if (done) return {};
  if (stop) return fail(ErrorCode::kUnavailable, "unpacking was stopped");
  if (!unwritten.empty()) return fail(ErrorCode::kUnavailable, "{}", unwritten);
  return fail(ErrorCode::kInternal, "{} cannot be unpacked: {}", path,
              problems.empty() ? "it is not there" : problems.to_string());
}

}  // namespace

Result<void> unpack_file(const std::string& archive, const std::string& path, const std::string& to,
                         const ArchiveLimits& limits, const std::atomic<bool>& stop) {
  Problems problems;
  const auto outer = survey(archive, limits, problems);
  if (!outer) return fail(ErrorCode::kInternal, "the package: {}", problems.to_string());
  const auto envelope = find_envelope(*outer, problems);
  if (!envelope) return unpack_from(archive, path, to, limits, stop);
  const auto inner = to + ".outer";
  auto done = unpack_from(archive, envelope->package, inner, limits, stop);
  if (done) done = unpack_from(inner, path, to, limits, stop);
  ::unlink(inner.c_str());
  return done;
}

}  // namespace sluice::app_package
