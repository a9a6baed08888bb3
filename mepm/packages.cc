#include "mepm/packages.h"

#include <set>

#include "base/http/problem.h"
#include "base/log.h"
#include "mepm/agent/app_plan.h"

namespace sluice::mepm {
namespace {

std::vector<PackagedImage> images_of(const app_package::PackageContent& content) {
  std::vector<PackagedImage> out;
  for (const auto& image : content.descriptor.appd["swImageDescriptor"]) {
    const auto path = image["swImage"].get<std::string>();
    out.push_back({image["id"].get<std::string>(), path, content.files.at(path).hash});
  }
  return out;
}

}  // namespace

SitePackages::SitePackages(store::Store& store, const AgentRecords& records,
                           app_package::ContentFiles& files, Vim& vim, const Clock& clock,
                           app_package::ReaderOptions reader, PackageLimits limits)
    : store_(store),
      records_(records),
      files_(files),
      vim_(vim),
      clock_(clock),
      reader_(std::move(reader)),
      limits_(limits) {
  std::set<std::string> kept;
  const auto state = store_.snapshot();
  for (const auto& [id, stored] : state.of(records_.packages)) {
    kept.insert(app_package::ContentFiles::name(id, stored.value.attempt));
    next_attempt_ = std::max(next_attempt_.load(), stored.value.attempt + 1);
  }
  const auto removed = files_.sweep([&](const std::string& name) { return kept.contains(name); });
  if (removed > 0) spdlog::info("mepm removed files without a package files={}", removed);
}

void SitePackages::stop() {
  stopped_ = true;
  queue_.stop();
}

bool SitePackages::in_use(const store::Snapshot& state, const AgentRecords& records,
                          std::string_view id) {
  for (const auto& [instance, stored] : state.of(records.instances)) {
    const auto& r = stored.value;
    const bool wanted = r.phase != Phase::kNone || r.desired != Desired::kNotInstantiated;
    if (r.package == id && wanted) return true;
  }
  return false;
}

SiteUpload::~SiteUpload() {
  if (!kept_) files_.remove(upload_->target().package, upload_->target().attempt);
}

std::expected<std::shared_ptr<SiteUpload>, http::Response> SitePackages::begin(
    const std::string& id, std::optional<uint64_t> size, std::string_view sha256) {
  auto hash = parse_hash(HashAlgorithm::kSha256, sha256);
  if (!hash) {
    return std::unexpected(http::Response::problem(400, "sha256: has to be 64 hexadecimal digits"));
  }
  if (size && *size > limits_.max_bytes) {
    return std::unexpected(http::Response::problem(
        413, fmt::format("a package may have {} octets at most", limits_.max_bytes)));
  }
  auto place = app_package::ActiveUploads::enter(uploads_, id);
  if (!place) {
    return std::unexpected(
        http::Response::problem(409, "another upload of this package is under way"));
  }
  const auto attempt = next_attempt_++;
  auto upload = app_package::Upload::begin(
      {.package = id, .attempt = attempt, .path = files_.path(id, attempt)}, std::move(place));
  if (!upload) return std::unexpected(http::to_response(upload.error()));
  return std::make_shared<SiteUpload>(std::move(*upload), files_, std::move(*hash));
}

Result<PackageRecord> SitePackages::read(app_package::Upload& upload,
                                         const std::string& sha256) const {
  if (auto ok = upload.sync(); !ok) return std::unexpected(ok.error());
  const auto& target = upload.target();
  const auto hash = digest_of_file(target.path, HashAlgorithm::kSha256);
  if (!hash) return std::unexpected(hash.error());
  if (*hash != sha256) {
    return bad_field("sha256", "is not the hash of what came, which is {}", *hash);
  }
  app_package::Problems problems;
  auto content =
      app_package::read_package(target.path, files_.scratch_path(target.package, target.attempt),
                                reader_, clock_.wall(), stopped_, problems);
  if (stopped_) return fail(ErrorCode::kUnavailable, "the manager is stopping");
  if (problems.obstacle()) return fail(ErrorCode::kUnavailable, "{}", problems.obstacle()->message);
  if (!content) return fail(ErrorCode::kUnsupported, "{}", problems.to_string());
  if (auto ok = check_plan(content->descriptor.appd); !ok) return std::unexpected(ok.error());
  PackageRecord out{
      .id = target.package, .sha256 = sha256, .attempt = target.attempt, .size = upload.position()};
  out.images = images_of(*content);
  out.appd = std::move(content->descriptor.appd);
  return out;
}

Result<SitePackages::Stored> SitePackages::check_and_store(SiteUpload& upload,
                                                           const std::string& sha256) {
  auto record = read(upload.content(), sha256);
  if (!record) return std::unexpected(record.error());
  Stored out;
  std::optional<PackageRecord> replaced;
  bool same = false;
  const auto done = store_.change([&](store::Transaction& change) -> Result<void> {
    const auto view = change.view();
    const auto* before = view.find(records_.packages, record->id);
    out.is_new = before == nullptr;
    if (before != nullptr) {
      same = before->value.sha256 == sha256;
      if (same) return {};
      if (in_use(view, records_, record->id)) {
        return fail(ErrorCode::kConflict, "app instances use another package of this id");
      }
      replaced = before->value;
    } else if (view.of(records_.packages).size() >= limits_.count) {
      return fail(ErrorCode::kResourceExhausted, "there are {} packages, the most that may be",
                  limits_.count);
    }
    change.put(records_.packages, record->id, *record);
    return {};
  });
  if (!done) return std::unexpected(done.error());
  if (!same) upload.keep();
  if (replaced) {
    files_.remove(replaced->id, replaced->attempt);
    remove_images(replaced->images);
  }
  spdlog::info("mepm package id={} sha256={} new={}", record->id, sha256, out.is_new);
  return out;
}

void SitePackages::finish(std::shared_ptr<SiteUpload> upload, Done done) {
  queue_.post([this, upload = std::move(upload), done = std::move(done)] {
    auto stored = check_and_store(*upload, upload->sha256);
    upload->content().leave();
    done(std::move(stored));
  });
}

// Those that no other package has; what stays because the VIM is away goes at the next start.
void SitePackages::remove_images(const std::vector<PackagedImage>& images) {
  const auto state = store_.snapshot();
  for (const auto& image : images) {
    bool used = false;
    for (const auto& [id, stored] : state.of(records_.packages)) {
      for (const auto& other : stored.value.images) used |= other.key == image.key;
    }
    if (!used) (void)vim_.remove_image(image.key);
  }
}

void SitePackages::remove(const std::string& id, std::function<void(Result<void>)> done) {
  queue_.post([this, id, done = std::move(done)] {
    std::optional<PackageRecord> record;
    auto changed = store_.change([&](store::Transaction& change) -> Result<void> {
      const auto view = change.view();
      const auto* stored = view.find(records_.packages, id);
      if (stored == nullptr) return fail(ErrorCode::kNotFound, "there is no package '{}'", id);
      if (in_use(view, records_, id)) {
        return fail(ErrorCode::kConflict, "app instances use the package; terminate them first");
      }
      record = stored->value;
      change.erase(records_.packages, id);
      return {};
    });
    if (changed) {
      files_.remove(id, record->attempt);
      remove_images(record->images);
    }
    done(std::move(changed));
  });
}

}  // namespace sluice::mepm
