#include "app-package/package_archive.h"

#include <archive.h>
#include <archive_entry.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <memory>
#include <set>

#include "app-package/file_path.h"

namespace sluice::app_package {
namespace {

constexpr size_t kBlock = 64 * 1024;
constexpr uint64_t kAlwaysUnpacked = 16ULL << 20;

struct Free {
  void operator()(struct archive* a) const { archive_read_free(a); }
};

std::string reason(struct archive* a) {
  const auto* text = archive_error_string(a);
  return text != nullptr ? printable(text) : "is damaged";
}

class Reader final : public FileReader {
 public:
  Reader(const ArchiveLimits& limits, uint64_t archive_size, Problems& problems)
      : limits_(limits),
        allowed_(std::min(limits.unpacked, archive_size * limits.ratio + kAlwaysUnpacked)),
        problems_(problems),
        archive_(archive_read_new()) {}

  bool open(const std::string& path) {
    // The directory at the end of the archive counts, not what is found on the way.
    archive_read_support_format_zip_seekable(archive_.get());
    if (archive_read_open_filename(archive_.get(), path.c_str(), kBlock) == ARCHIVE_OK) return true;
    return stop("is no ZIP archive: " + reason(archive_.get()));
  }

  // False at the end, and after a problem that ends the reading.
  bool next() {
    for (;;) {
      struct archive_entry* entry = nullptr;
      const int code = archive_read_next_header(archive_.get(), &entry);
      if (code == ARCHIVE_EOF) return false;
      if (code != ARCHIVE_OK) {
        return stop((entries_ == 0 ? "is no ZIP archive: " : "is damaged: ") +
                    reason(archive_.get()));
      }
      if (++entries_ > limits_.files) {
        return stop(fmt::format("holds more than {} files", limits_.files));
      }
      if (!take(entry)) continue;
      declared_ += file_.size;
      if (declared_ > allowed_) return bomb();
      return true;
    }
  }

  const ArchiveFile& file() const { return file_; }
  bool failed() const { return failed_; }

  bool read(const Sink& sink) override {
    for (;;) {
      const void* bytes = nullptr;
      size_t size = 0;
      la_int64_t offset = 0;
      const int code = archive_read_data_block(archive_.get(), &bytes, &size, &offset);
      if (code == ARCHIVE_EOF) return true;
      if (code != ARCHIVE_OK) {
        problems_.add(file_.path, 0, "is damaged: " + reason(archive_.get()));
        failed_ = true;
        return false;
      }
      unpacked_ += size;
      if (unpacked_ > allowed_) return bomb();
      if (size > 0 && !sink({static_cast<const char*>(bytes), size})) {
        failed_ = true;
        return false;
      }
    }
  }

 private:
  bool stop(std::string why) {
    problems_.add("", 0, "the package " + std::move(why));
    failed_ = true;
    return false;
  }
  bool bomb() {
    return stop(
        fmt::format("unpacks to more than the {} octets that are allowed for its size", allowed_));
  }

  // Whether the entry is a file that may be there.
  bool take(struct archive_entry* entry) {
    const auto* name = archive_entry_pathname(entry);
    std::string path = name != nullptr ? name : "\x7f";
    const auto type = archive_entry_filetype(entry);
    const auto refuse = [&](std::string why) {
      problems_.add(printable(path), 0, std::move(why));
      return false;
    };
    const bool directory = type == AE_IFDIR;
    if (directory && path.ends_with('/')) path.pop_back();
    if (auto why = refuse_path(path)) return refuse(std::move(*why));
    if (type == AE_IFLNK || archive_entry_symlink(entry) != nullptr ||
        archive_entry_hardlink(entry) != nullptr) {
      return refuse("is a link");
    }
    if (directory) return false;
    if (type != AE_IFREG) return refuse("is neither a file nor a directory");
    if (archive_entry_is_encrypted(entry) != 0) return refuse("is encrypted");
    if (!paths_.insert(path).second) return refuse("is there twice");
    file_ = {std::move(path), 0};
    if (archive_entry_size_is_set(entry) != 0) {
      file_.size = static_cast<uint64_t>(std::max<la_int64_t>(archive_entry_size(entry), 0));
    }
    return true;
  }

  const ArchiveLimits& limits_;
  const uint64_t allowed_;  // octets in all
  Problems& problems_;
  const std::unique_ptr<struct archive, Free> archive_;
  ArchiveFile file_;
  std::set<std::string> paths_;
  size_t entries_ = 0;
  uint64_t declared_ = 0;  // octets, of the files so far
  uint64_t unpacked_ = 0;
  bool failed_ = false;
};

}  // namespace

bool for_each_file(const std::string& archive, const ArchiveLimits& limits, Problems& problems,
                   const std::function<bool(const ArchiveFile&, FileReader&)>& visit) {
  struct stat info{};
  if (::stat(archive.c_str(), &info) != 0) {
    problems.add("", 0, "the package cannot be read");
    return false;
  }
  Reader reader(limits, static_cast<uint64_t>(info.st_size), problems);
  if (!reader.open(archive)) return false;
  while (reader.next()) {
    if (!visit(reader.file(), reader) || reader.failed()) return false;
  }
  return !reader.failed();
}

}  // namespace sluice::app_package
