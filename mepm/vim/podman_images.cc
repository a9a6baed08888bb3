// Images of packages in podman's store: each has a name of ours alone, so that packages whose
// archives give their images the same name do not get in each other's way.
#include <fcntl.h>
#include <sys/stat.h>

#include "base/unique_fd.h"
#include "mepm/vim/image_archive.h"
#include "mepm/vim/podman.h"

namespace sluice::mepm {
namespace {

constexpr std::chrono::minutes kLongestLoad{60};  // of an image of many gigabytes

using client::percent_encoded;
using nlohmann::json;

std::vector<std::string> texts_of(const json& object, const char* member) {
  std::vector<std::string> out;
  if (!object.is_object()) return out;
  const auto list = object.find(member);
  if (list == object.end() || !list->is_array()) return out;
  for (const auto& item : *list) {
    if (item.is_string()) out.push_back(item.get<std::string>());
  }
  return out;
}

}  // namespace

Result<bool> Podman::has_image(const std::string& key) {
  const auto reply =
      client_.call({.target = "/images/" + percent_encoded(image_name(key)) + "/exists"}, 404);
  if (!reply) return std::unexpected(reply.error());
  return reply->ok();
}

Result<void> Podman::load_image(const std::string& key, const std::string& file) {
  // The service gives an image whatever name its archive has, also one that is another's.
  if (auto ok = check_image_archive(file, "sluice-" + options_.owner); !ok) return ok;
  const auto before = image_ids();
  if (!before) return std::unexpected(before.error());
  auto done = load_checked_image(key, file);
  const auto after = image_ids();
  if (!after) return std::unexpected(after.error());
  // Whoever found a way around the check replaces nothing all the same.
  for (const auto& [other, id] : *before) {
    const auto now = after->find(other);
    if (other == key || (now != after->end() && now->second == id)) continue;
    if (auto ok = tag_image(id, other); !ok) return ok;
    done = fail(ErrorCode::kInvalidArgument, "the archive of an image replaces another's");
  }
  return done;
}

Result<void> Podman::tag_image(const std::string& id, const std::string& key) const {
  const auto tagged =
      client_.call({.method = "POST",
                    .target = fmt::format("/images/{}/tag?repo={}&tag={}", percent_encoded(id),
                                          percent_encoded(repository()), percent_encoded(key))});
  if (!tagged) return std::unexpected(tagged.error());
  return {};
}

Result<void> Podman::load_checked_image(const std::string& key, const std::string& file) const {
  const UniqueFd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat info{};
  if (!fd || ::fstat(fd.get(), &info) != 0) return std::unexpected(errno_error(file));
  off_t position = 0;
  const auto loaded = client_.call({.method = "POST",
                                    .target = "/images/load",
                                    .headers = {{"Content-Type", "application/x-tar"}},
                                    .source = [&](char* to, size_t most) -> size_t {
                                      const auto n = ::pread(fd.get(), to, most, position);
                                      position += std::max<ssize_t>(n, 0);
                                      return static_cast<size_t>(std::max<ssize_t>(n, 0));
                                    },
                                    .length = static_cast<uint64_t>(info.st_size)},
                                   0, kLongestLoad);
  if (!loaded) return std::unexpected(loaded.error());
  const auto reply = json::parse(loaded->body, nullptr, false);
  const auto names = reply.is_object() ? texts_of(reply, "Names") : std::vector<std::string>();
  if (names.size() != 1) {
    for (const auto& name : names) {
      (void)client_.call({.method = "DELETE", .target = "/images/" + percent_encoded(name)}, 404);
    }
    return fail(ErrorCode::kInvalidArgument, "the archive of an image holds {} images, and not one",
                names.size());
  }
  const auto image = client_.get("/images/" + percent_encoded(names.front()) + "/json");
  if (!image) return std::unexpected(image.error());
  const auto id = text_of(*image, "Id");
  if (auto ok = tag_image(id, key); !ok) {
    (void)client_.call({.method = "DELETE", .target = "/images/" + percent_encoded(names.front())},
                       404);
    return ok;
  }
  // The name that the archive gave it is somebody else's to use.
  for (const auto& name : texts_of(*image, "RepoTags")) {
    const auto colon = name.rfind(':');
    if (name.starts_with(repository() + ":") || colon == std::string::npos) continue;
    const auto untagged =
        client_.call({.method = "POST",
                      .target = fmt::format("/images/{}/untag?repo={}&tag={}", percent_encoded(id),
                                            percent_encoded(name.substr(0, colon)),
                                            percent_encoded(name.substr(colon + 1)))},
                     404);
    if (!untagged) return std::unexpected(untagged.error());
  }
  return {};
}

Result<void> Podman::remove_image(const std::string& key) {
  const auto reply = client_.call(
      {.method = "DELETE", .target = "/images/" + percent_encoded(image_name(key))}, 404);
  if (!reply) return std::unexpected(reply.error());
  return {};
}

Result<std::map<std::string, std::string>> Podman::image_ids() const {
  const auto list = client_.get("/images/json");
  if (!list) return std::unexpected(list.error());
  std::map<std::string, std::string> out;
  const auto prefix = repository() + ":";
  if (!list->is_array()) return out;
  for (const auto& image : *list) {
    for (const auto& name : texts_of(image, "RepoTags")) {
      if (name.starts_with(prefix)) out[name.substr(prefix.size())] = text_of(image, "Id");
    }
  }
  return out;
}

Result<std::vector<std::string>> Podman::images() {
  const auto ids = image_ids();
  if (!ids) return std::unexpected(ids.error());
  std::vector<std::string> out;
  for (const auto& [key, id] : *ids) out.push_back(key);
  return out;
}

}  // namespace sluice::mepm
