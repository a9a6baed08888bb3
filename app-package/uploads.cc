#include "app-package/uploads.h"

#include <fcntl.h>
#include <unistd.h>

#include <charconv>

#include "base/sync_folder.h"

namespace sluice::app_package {
namespace {

// Dirty pages of one upload: writing them begins early, so that the last sync is short.
constexpr uint64_t kFlushStep = 8 << 20;

bool read_number(std::string_view& text, uint64_t& out) {
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (code != std::errc()) return false;
  text.remove_prefix(static_cast<size_t>(end - text.data()));
  return true;
}

bool skip(std::string_view& text, char c) {
  if (!text.starts_with(c)) return false;
  text.remove_prefix(1);
  return true;
}

}  // namespace

std::unique_ptr<ActiveUploads::Place> ActiveUploads::enter(
    const std::shared_ptr<ActiveUploads>& uploads, const std::string& id) {
  const std::lock_guard lock(uploads->mutex_);
  if (!uploads->active_.insert(id).second) return nullptr;
  return std::make_unique<Place>(uploads, id);
}

void ActiveUploads::leave(const std::string& id) {
  const std::lock_guard lock(mutex_);
  active_.erase(id);
}

Result<std::shared_ptr<Upload>> Upload::begin(UploadTarget target,
                                              std::unique_ptr<ActiveUploads::Place> place) {
  UniqueFd fd(::open(target.path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd || ::ftruncate(fd.get(), static_cast<off_t>(target.offset)) != 0) {
    return fail(ErrorCode::kUnavailable, "the content cannot be stored: {}",
                errno_error("open").message);
  }
  return std::shared_ptr<Upload>(new Upload(std::move(target), std::move(place), std::move(fd)));
}

Result<void> Upload::take(std::string_view bytes) {
  if (target_.end && position_ + bytes.size() > *target_.end) {
    return fail(ErrorCode::kInvalidArgument, "the body is longer than Content-Range says");
  }
  while (!bytes.empty()) {
    const auto n = ::pwrite(fd_.get(), bytes.data(), bytes.size(), static_cast<off_t>(position_));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) {
      return fail(ErrorCode::kUnavailable, "the content cannot be stored: {}",
                  errno_error("write").message);
    }
    position_ += static_cast<uint64_t>(n);
    bytes.remove_prefix(static_cast<size_t>(n));
  }
  if (position_ - flushed_ >= kFlushStep) {
    ::sync_file_range(fd_.get(), static_cast<off64_t>(flushed_),
                      static_cast<off64_t>(position_ - flushed_), SYNC_FILE_RANGE_WRITE);
    flushed_ = position_;
  }
  return {};
}

Result<void> Upload::sync() {
  if (target_.end && position_ != *target_.end) {
    return fail(ErrorCode::kInvalidArgument, "the body is shorter than Content-Range says");
  }
  auto ok = ::fsync(fd_.get()) == 0 ? sync_entry(target_.path)
                                    : Result<void>(std::unexpected(errno_error("fsync")));
  if (ok) return {};
  return fail(ErrorCode::kUnavailable, "the content cannot be stored: {}", ok.error().message);
}

Result<ContentRange> ContentRange::parse(std::string_view text) {
  constexpr std::string_view kUnit = "bytes ";
  ContentRange out;
  auto rest = text;
  if (rest.starts_with(kUnit)) {
    rest.remove_prefix(kUnit.size());
    if (read_number(rest, out.first) && skip(rest, '-') && read_number(rest, out.last) &&
        skip(rest, '/') && read_number(rest, out.size) && rest.empty() && out.first <= out.last &&
        out.last < out.size) {
      return out;
    }
  }
  return bad_field("Content-Range", "has to be \"bytes FIRST-LAST/SIZE\"");
}

}  // namespace sluice::app_package
