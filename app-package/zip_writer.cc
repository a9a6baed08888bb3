#include "app-package/zip_writer.h"

#include <archive.h>
#include <archive_entry.h>

#include <memory>

namespace sluice::app_package {
namespace {

struct FreeWriter {
  void operator()(struct archive* a) const { archive_write_free(a); }
};
struct FreeEntry {
  void operator()(struct archive_entry* e) const { archive_entry_free(e); }
};

la_ssize_t append(struct archive*, void* data, const void* bytes, size_t size) {
  static_cast<std::string*>(data)->append(static_cast<const char*>(bytes), size);
  return static_cast<la_ssize_t>(size);
}

}  // namespace

Result<std::string> zip_of(const std::string& path, std::string_view content) {
  std::string out;
  const std::unique_ptr<struct archive, FreeWriter> writer(archive_write_new());
  const std::unique_ptr<struct archive_entry, FreeEntry> entry(archive_entry_new());
  archive_write_set_format_zip(writer.get());
  archive_write_set_bytes_in_last_block(writer.get(), 1);  // no padding
  archive_entry_set_pathname(entry.get(), path.c_str());
  archive_entry_set_filetype(entry.get(), AE_IFREG);
  archive_entry_set_perm(entry.get(), 0644);
  archive_entry_set_size(entry.get(), static_cast<la_int64_t>(content.size()));
  const bool ok = archive_write_open(writer.get(), &out, nullptr, append, nullptr) == ARCHIVE_OK &&
                  archive_write_header(writer.get(), entry.get()) == ARCHIVE_OK &&
                  archive_write_data(writer.get(), content.data(), content.size()) ==
                      static_cast<la_ssize_t>(content.size()) &&
                  archive_write_close(writer.get()) == ARCHIVE_OK;
  if (!ok) return fail(ErrorCode::kInternal, "no archive could be made");
  return out;
}

}  // namespace sluice::app_package
