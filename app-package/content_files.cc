#include "app-package/content_files.h"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "base/sync_folder.h"

namespace sluice::app_package {

Result<ContentFiles> ContentFiles::open(std::string directory) {
  if (::mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST) {
    return std::unexpected(errno_error("mkdir " + directory));
  }
  if (auto ok = sync_entry(directory); !ok) return std::unexpected(ok.error());
  return ContentFiles(std::move(directory));
}

std::string ContentFiles::name(std::string_view id, uint64_t attempt) {
  return fmt::format("{}.{}", id, attempt);
}

std::string ContentFiles::path(std::string_view id, uint64_t attempt) const {
  return directory_ + "/" + name(id, attempt);
}

std::string ContentFiles::scratch_path(std::string_view id, uint64_t attempt) const {
  return path(id, attempt) + ".scratch";
}

uint64_t ContentFiles::size(std::string_view id, uint64_t attempt) const {
  struct stat info{};
  return ::stat(path(id, attempt).c_str(), &info) == 0 ? static_cast<uint64_t>(info.st_size) : 0;
}

void ContentFiles::remove(std::string_view id, uint64_t attempt) const {
  ::unlink(path(id, attempt).c_str());
  ::unlink(scratch_path(id, attempt).c_str());
}

size_t ContentFiles::sweep(const std::function<bool(const std::string&)>& keep) const {
  size_t removed = 0;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(directory_, error)) {
    if (keep(entry.path().filename().string())) continue;
    removed += ::unlink(entry.path().c_str()) == 0 ? 1U : 0U;
  }
  return removed;
}

}  // namespace sluice::app_package
