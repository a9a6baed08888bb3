#include "mepm/vim/image_archive.h"

#include <archive.h>
#include <archive_entry.h>

#include <filesystem>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/printable.h"

namespace sluice::mepm {
namespace {

constexpr size_t kBlock = 64 << 10;
constexpr size_t kMostEntries = 100'000;
constexpr uint64_t kMostUnpacked = 256ULL << 30;
constexpr size_t kMostIndex = 1 << 20;  // octets
constexpr const char* kDockerIndex = "manifest.json";
constexpr const char* kOciIndex = "index.json";

struct Free {
  void operator()(struct archive* a) const { archive_read_free(a); }
};

std::unexpected<Error> wrong(const std::string& why) {
  return fail(ErrorCode::kInvalidArgument, "the archive of an image {}", why);
}

Result<std::string> content_of(struct archive* from) {
  std::string out(kMostIndex + 1, '\0');
  size_t size = 0;
  while (size < out.size()) {
    const auto n = archive_read_data(from, out.data() + size, out.size() - size);
    if (n < 0) return wrong("is damaged");
    if (n == 0) break;
    size += static_cast<size_t>(n);
  }
  if (size > kMostIndex) return wrong("has an index of more than 1 MiB");
  out.resize(size);
  return out;
}

Result<std::map<std::string, std::string>> indexes_of(const std::string& file) {
  const std::unique_ptr<struct archive, Free> in(archive_read_new());
  archive_read_support_filter_gzip(in.get());
  archive_read_support_format_tar(in.get());
  if (archive_read_open_filename(in.get(), file.c_str(), kBlock) != ARCHIVE_OK) {
    return wrong("is no tar archive");
  }
  std::map<std::string, std::string> out;
  uint64_t unpacked = 0;
  for (size_t entries = 0;; ++entries) {
    struct archive_entry* entry = nullptr;
    const int code = archive_read_next_header(in.get(), &entry);
    if (code == ARCHIVE_EOF) return out;
    if (code != ARCHIVE_OK && code != ARCHIVE_WARN) return wrong("is damaged or no tar archive");
    unpacked += static_cast<uint64_t>(std::max<la_int64_t>(archive_entry_size(entry), 0));
    if (entries == kMostEntries || unpacked > kMostUnpacked) return wrong("is too large");
    const auto* name = archive_entry_pathname(entry);
    if (name == nullptr) return wrong("has a file whose name cannot be read");
    const auto path = std::filesystem::path(name).lexically_normal().string();
    if (path != kDockerIndex && path != kOciIndex) continue;
    if (archive_entry_filetype(entry) != AE_IFREG) return wrong(path + " is no file");
    auto content = content_of(in.get());
    if (!content) return std::unexpected(content.error());
    // Which of two counts is for whoever reads them to say.
    if (!out.emplace(path, std::move(*content)).second) return wrong("has two of " + path);
  }
}

// Without registry, tag and digest, whatever of them there is: what is left out is filled in.
std::string last_part(std::string name) {
  name = name.substr(0, name.find('@'));
  name = name.substr(name.rfind('/') + 1);
  return name.substr(0, name.find(':'));
}

Result<void> check_names(const nlohmann::json& names, const std::string& reserved) {
  for (const auto& name : names) {
    if (!name.is_string()) return wrong("has a name that is no text");
    if (last_part(name.get<std::string>()) != reserved) continue;
    return wrong("calls itself " + printable(name.get<std::string>()) +
                 ", which is not its to use");
  }
  return {};
}

// `list`: images; `names`: where an image has its names.
Result<void> check_list(const nlohmann::json& list, const char* names,
                        const std::string& reserved) {
  if (!list.is_array() || list.size() != 1) {
    return wrong(fmt::format("holds {} images, and not one", list.size()));
  }
  const auto& image = list.front();
  if (!image.is_object()) return wrong("has an index that cannot be read");
  const auto at = image.find(names);
  if (at == image.end() || at->is_null()) return {};
  if (at->is_array() && at->size() > 1) return wrong("has an image of several names");
  if (!at->is_array() && !at->is_object()) return wrong("has names that are none");
  return check_names(*at, reserved);
}

}  // namespace

Result<void> check_image_archive(const std::string& file, const std::string& reserved) {
  const auto indexes = indexes_of(file);
  if (!indexes) return std::unexpected(indexes.error());
  if (indexes->empty()) return wrong("has neither manifest.json nor index.json");
  for (const auto& [path, content] : *indexes) {
    const auto index = nlohmann::json::parse(content, nullptr, false);
    const bool docker = path == kDockerIndex;
    if (docker ? !index.is_array() : !index.is_object() || !index.contains("manifests")) {
      return wrong("has a " + path + " that cannot be read");
    }
    auto ok = docker ? check_list(index, "RepoTags", reserved)
                     : check_list(index["manifests"], "annotations", reserved);
    if (!ok) return ok;
  }
  return {};
}

}  // namespace sluice::mepm
