#include "meao/catalogue/catalogue.h"

#include <set>

#include "base/http/etag.h"
#include "base/http/problem.h"
#include "base/log.h"

namespace sluice::meao {
namespace {

using nlohmann::json;

Result<void> no_package(std::string_view id) {
  return fail(ErrorCode::kNotFound, "there is no package '{}'", id);
}

}  // namespace

Catalogue::Catalogue(store::Store& store, const CatalogueRecords& records, PackageEvents& events,
                     const notify::CallbackPolicy& policy, const Clock& clock,
                     CatalogueOptions options, app_package::ContentFiles files)
    : store_(store),
      records_(records),
      events_(events),
      policy_(policy),
      clock_(clock),
      options_(std::move(options)),
      files_(std::move(files)),
      fetching_(options_.fetch_threads) {}

Result<std::unique_ptr<Catalogue>> Catalogue::start(store::Store& store,
                                                    const CatalogueRecords& records,
                                                    PackageEvents& events,
                                                    const notify::CallbackPolicy& policy,
                                                    const Clock& clock, CatalogueOptions options) {
  auto files = app_package::ContentFiles::open(options.directory);
  if (!files) return std::unexpected(files.error());
  options.fetch.max_size = options.reader.max_inner = options.max_size;
  std::unique_ptr<Catalogue> out(
      new Catalogue(store, records, events, policy, clock, std::move(options), std::move(*files)));
  out->resume();
  return out;
}

Catalogue::~Catalogue() { stop(); }

void Catalogue::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    for (const auto& [id, stop] : stops_) *stop = true;
  }
  fetching_.stop();
  processing_.stop();
  syncing_.stop();
}

// What was under way goes on; files that nobody refers to are what crashes and deletions left.
void Catalogue::resume() {
  const auto state = store_.snapshot();
  std::set<std::string> kept;
  std::vector<const PackageRecord*> under_way;
  for (const auto& [id, stored] : state.of(records_.packages)) {
    const auto& record = stored.value;
    if (record.state == OnboardingState::kCreated) continue;
    kept.insert(app_package::ContentFiles::name(id, record.attempt));
    under_way.push_back(&record);
  }
  const auto removed = files_.sweep([&](const std::string& name) { return kept.contains(name); });
  if (removed > 0) spdlog::info("package contents without a package removed files={}", removed);
  // Behind the sweep, which would remove what they make.
  for (const auto* record : under_way) {
    if (record->state == OnboardingState::kProcessing) {
      start_processing(record->id, record->attempt);
    } else if (record->state == OnboardingState::kUploading && !record->source.empty()) {
      start_fetch(*record);
    }
  }
}

const store::Stored<PackageRecord>* Catalogue::find(const store::Snapshot& state,
                                                    std::string_view id_or_appd) const {
  const auto& rows = state.of(records_.packages);
  if (const auto* found = rows.find(id_or_appd)) return found;
  for (const auto& [id, stored] : rows) {
    if (stored.value.state == OnboardingState::kOnboarded && stored.value.appd_id() == id_or_appd) {
      return &stored;
    }
  }
  return nullptr;
}

bool Catalogue::in_use(const store::Snapshot& state, std::string_view id) const {
  for (const auto& [instance, package] : state.of(records_.users)) {
    if (package.value == id) return true;
  }
  return false;
}

std::optional<uint64_t> Catalogue::received(const PackageRecord& record) const {
  if (record.state != OnboardingState::kUploading) return std::nullopt;
  return files_.size(record.id, record.attempt);
}

std::string Catalogue::content_path(const PackageRecord& record) const {
  return files_.path(record.id, record.attempt);
}

std::shared_ptr<std::atomic<bool>> Catalogue::new_stop(const std::string& id) {
  auto stop = std::make_shared<std::atomic<bool>>(false);
  const std::lock_guard lock(mutex_);
  *stop = stopped_;
  stops_[id] = stop;
  return stop;
}

void Catalogue::stop_work(const std::string& id) {
  const std::lock_guard lock(mutex_);
  if (const auto at = stops_.find(id); at != stops_.end()) {
    *at->second = true;
    stops_.erase(at);
  }
}

void Catalogue::create(PackageRecord record, Done done) {
  auto made = std::make_shared<PackageRecord>(std::move(record));
  store_.submit(
      [&](store::Transaction& change) -> Result<void> {
        if (change.view().of(records_.packages).size() >= options_.max_packages) {
          return fail(ErrorCode::kResourceExhausted, "there are {} packages, the most that may be",
                      options_.max_packages);
        }
        if (!made->source.empty()) {
          made->state = OnboardingState::kUploading;
          made->attempt = 1;
        }
        change.put(records_.packages, made->id, *made);
        return {};
      },
      [this, made, done = std::move(done)](const Result<void>& result) {
        if (result && !made->source.empty()) start_fetch(*made);
        done(result);
      });
}

void Catalogue::set_enabled(const std::string& id, bool enabled, const http::Request& request,
                            Done done) {
  store_.submit(
      [&](store::Transaction& change) -> Result<void> {
        const auto* stored = change.view().find(records_.packages, id);
        if (stored == nullptr) return no_package(id);
        if (auto ok = http::check_if_match(request, http::etag_of(stored->revision)); !ok) {
          return ok;
        }
        auto record = stored->value;
        if (record.state != OnboardingState::kOnboarded) {
          return fail(ErrorCode::kConflict, "the package is {}, and not ONBOARDED",
                      to_string(record.state));
        }
        if (record.enabled == enabled) return {};
        record.enabled = enabled;
        events_.announce(change, enabled ? PackageEvent::kEnabled : PackageEvent::kDisabled,
                         record);
        change.put(records_.packages, id, std::move(record));
        return {};
      },
      std::move(done));
}

void Catalogue::remove(const std::string& id, const http::Request& request, Done done) {
  auto attempt = std::make_shared<uint64_t>(0);
  store_.submit(
      [&](store::Transaction& change) -> Result<void> {
        const auto* stored = change.view().find(records_.packages, id);
        if (stored == nullptr) return no_package(id);
        if (auto ok = http::check_if_match(request, http::etag_of(stored->revision)); !ok) {
          return ok;
        }
        if (in_use(change.view(), id)) {
          return fail(ErrorCode::kConflict, "app instances use the package; terminate them first");
        }
        const auto record = stored->value;
        *attempt = record.attempt;
        if (record.state == OnboardingState::kOnboarded) {
          events_.announce(change, PackageEvent::kDeleted, record);
        }
        change.erase(records_.packages, id);
        return {};
      },
      [this, id, attempt, done = std::move(done)](const Result<void>& result) {
        if (!result) return done(result);
        stop_work(id);
        syncing_.post([this, id, attempt, done] {  // removing a large file takes its time
          files_.remove(id, *attempt);
          spdlog::info("package removed id={}", id);
          done({});
        });
      });
}

// Decides where a body belongs, and writes down that it is coming.
Result<app_package::UploadTarget> Catalogue::upload_target(
    store::Transaction& change, const std::string& id,
    const std::optional<app_package::ContentRange>& range, std::optional<uint64_t> size) const {
  const auto* stored = change.view().find(records_.packages, id);
  if (stored == nullptr) return std::unexpected(no_package(id).error());
  auto record = stored->value;
  if (!record.source.empty()) {
    return fail(ErrorCode::kConflict, "the package is fetched from its appPkgPath");
  }
  if (record.state != OnboardingState::kCreated && record.state != OnboardingState::kUploading) {
    return fail(ErrorCode::kConflict, "the package is {} already", to_string(record.state));
  }
  if (range && range->first > 0) {
    const auto there = received(record).value_or(0);
    // Before the end is fine: a client whose last part came, but not the reply, has no other.
    if (range->first > there) {
      return fail(ErrorCode::kConflict, "{} octets are there; the next part cannot begin at {}",
                  there, range->first);
    }
    if (record.size && *record.size != range->size) {
      return fail(ErrorCode::kConflict, "the package was announced with {} octets, not {}",
                  *record.size, range->size);
    }
  } else {
    ++record.attempt;
    record.state = OnboardingState::kUploading;
    record.failure = nullptr;
    record.size = range ? std::optional(range->size) : size;
    change.put(records_.packages, id, record);
  }
  app_package::UploadTarget out{.package = id,
                                .attempt = record.attempt,
                                .path = files_.path(id, record.attempt),
                                .offset = range ? range->first : 0};
  if (range) {
    out.end = range->last + 1;
    out.size = range->size;
  }
  return out;
}

std::expected<std::shared_ptr<app_package::Upload>, http::Response> Catalogue::begin_upload(
    const std::string& id, const std::optional<app_package::ContentRange>& range,
    std::optional<uint64_t> size) {
  const auto whole = range ? std::optional(range->size) : size;
  if (whole && *whole > options_.max_size) {
    return std::unexpected(http::Response::problem(
        413, fmt::format("a package may have {} octets at most", options_.max_size)));
  }
  auto place = app_package::ActiveUploads::enter(uploads_, id);
  if (!place) {
    return std::unexpected(
        http::Response::problem(409, "another upload of this package is under way"));
  }
  Result<app_package::UploadTarget> target = fail(ErrorCode::kInternal, "no change was made");
  // What follows, the file included, is written down in this order; nobody waits for it here.
  store_.submit(
      [&](store::Transaction& change) -> Result<void> {
        target = upload_target(change, id, range, size);
        if (!target) return std::unexpected(target.error());
        return {};
      },
      [](const Result<void>&) {});
  if (!target) {
    auto reply = http::to_response(target.error());
    const auto state = store_.snapshot();
    const auto* stored = state.find(records_.packages, id);
    const auto there = stored != nullptr ? received(stored->value) : std::nullopt;
    if (there) reply.headers.set("Upload-Offset", std::to_string(*there));
    return std::unexpected(std::move(reply));
  }
  if (target->attempt > 1) files_.remove(id, target->attempt - 1);
  auto upload = app_package::Upload::begin(std::move(*target), std::move(place));
  if (!upload) return std::unexpected(http::to_response(upload.error()));
  return std::move(*upload);
}

void Catalogue::finish_upload(std::shared_ptr<app_package::Upload> upload, Done done) {
  syncing_.post([this, upload = std::move(upload), done = std::move(done)] {
    const auto finish = [upload, done](const Result<void>& result) {
      upload->leave();
      done(result);
    };
    if (auto ok = upload->sync(); !ok) return finish(ok);
    const auto& id = upload->target().package;
    const auto attempt = upload->target().attempt;
    if (!upload->complete()) {
      // Behind the change that says that the upload has begun, which may have failed.
      return store_.submit(
          [&](store::Transaction& change) -> Result<void> {
            const auto found = under_upload(change, id, attempt);
            if (!found) return std::unexpected(found.error());
            return {};
          },
          finish);
    }
    store_.submit([&](store::Transaction& change) { return to_processing(change, id, attempt); },
                  [this, upload, finish](const Result<void>& result) {
                    if (result)
                      start_processing(upload->target().package, upload->target().attempt);
                    finish(result);
                  });
  });
}

Result<PackageRecord> Catalogue::under_upload(store::Transaction& change, const std::string& id,
                                              uint64_t attempt) const {
  const auto* stored = change.view().find(records_.packages, id);
  if (stored == nullptr) return std::unexpected(no_package(id).error());
  const auto& record = stored->value;
  if (record.attempt < attempt) {
    return fail(ErrorCode::kUnavailable, "that the upload began could not be stored; begin again");
  }
  if (record.attempt != attempt || record.state != OnboardingState::kUploading) {
    return fail(ErrorCode::kConflict, "the package is {} meanwhile", to_string(record.state));
  }
  return record;
}

Result<void> Catalogue::to_processing(store::Transaction& change, const std::string& id,
                                      uint64_t attempt) {
  auto found = under_upload(change, id, attempt);
  if (!found) return std::unexpected(found.error());
  auto& record = *found;
  record.state = OnboardingState::kProcessing;
  record.size = files_.size(id, attempt);
  change.put(records_.packages, id, std::move(record));
  return {};
}

}  // namespace sluice::meao
