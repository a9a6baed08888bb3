// What happens to a package behind its request: its content is fetched, checked and onboarded, or
// the package goes back to where it was created.
#include "base/log.h"
#include "meao/catalogue/catalogue.h"
#include "meao/catalogue/failure.h"

namespace sluice::meao {
namespace {

// Until a package is tried again that could not be read or stored; twice as long each time.
constexpr std::chrono::seconds kFirstDelay{1};
constexpr std::chrono::seconds kLongestDelay{300};

}  // namespace

void Catalogue::start_fetch(const PackageRecord& record) {
  start(fetching_, record.id,
        [this, id = record.id, attempt = record.attempt, source = record.source](const auto& stop) {
          return run_fetch(id, attempt, source, stop);
        });
}

void Catalogue::start_processing(const std::string& id, uint64_t attempt) {
  start(processing_, id,
        [this, id, attempt](const auto& stop) { return process(id, attempt, stop); });
}

void Catalogue::start(WorkQueue& queue, const std::string& id, PackageWork work) {
  queue.post([this, &queue, id, stop = new_stop(id), work = std::move(work)] {
    attempt(queue, id, stop, work, kFirstDelay);
  });
}

void Catalogue::attempt(WorkQueue& queue, const std::string& id,
                        const std::shared_ptr<std::atomic<bool>>& stop, const PackageWork& work,
                        std::chrono::seconds delay) {
  if (*stop) return;
  const auto done = work(*stop);
  if (done || *stop) return;
  ++obstacles_;
  spdlog::error("package has to wait id={} again_in_s={} reason=\"{}\"", id, delay.count(),
                done.error().message);
  queue.post_after(delay, [this, &queue, id, stop, work, delay] {
    attempt(queue, id, stop, work, std::min(2 * delay, kLongestDelay));
  });
}

Result<void> Catalogue::run_fetch(const std::string& id, uint64_t attempt,
                                  const std::string& source, const std::atomic<bool>& stop) {
  const auto got = fetch(source, files_.path(id, attempt), policy_, options_.fetch, stop);
  if (stop) {  // of a package that is gone, or of a program that will fetch it again
    files_.remove(id, attempt);
    return {};
  }
  if (!got) {
    app_package::Problems problems;
    problems.add("", 0, fmt::format("{} could not be fetched: {}", source, got.error().message));
    return give_up(id, attempt, problems);
  }
  const auto done =
      store_.change([&](store::Transaction& change) { return to_processing(change, id, attempt); });
  if (done) {
    start_processing(id, attempt);
  } else if (done.error().code != ErrorCode::kNotFound &&
             done.error().code != ErrorCode::kConflict) {
    return done;
  }
  return {};  // or it is another package's business by now
}

Result<void> Catalogue::process(const std::string& id, uint64_t attempt,
                                const std::atomic<bool>& stop) {
  const auto state = store_.snapshot();
  const auto* stored = state.find(records_.packages, id);
  if (stored == nullptr || stored->value.attempt != attempt) return {};
  const auto& record = stored->value;
  app_package::Problems problems;
  const auto path = files_.path(id, attempt);
  const auto hash = digest_of_file(path, record.checksum_algorithm);
  if (!hash && hash.error().code != ErrorCode::kNotFound) return std::unexpected(hash.error());
  if (!hash || *hash != record.checksum) {
    problems.add("", 0,
                 hash ? fmt::format("the {} of the package is {}, not the checksum that it was "
                                    "created with",
                                    to_string(record.checksum_algorithm), *hash)
                      : hash.error().message);
    return give_up(id, attempt, problems);
  }
  auto content = app_package::read_package(path, files_.scratch_path(id, attempt), options_.reader,
                                           clock_.wall(), stop, problems);
  if (stop) return {};
  if (problems.obstacle()) return std::unexpected(*problems.obstacle());
  if (content && !record.provider.empty() &&
      content->descriptor.text("appProvider") != record.provider) {
    problems.add(content->descriptor_path, 0,
                 fmt::format("appProvider is \"{}\", but the package was created with \"{}\"",
                             content->descriptor.text("appProvider"), record.provider));
  }
  if (!content && problems.empty()) problems.add("", 0, "the package could not be read");
  if (!problems.empty()) return give_up(id, attempt, problems);
  return onboard(id, attempt, std::move(*content));
}

Result<void> Catalogue::onboard(const std::string& id, uint64_t attempt,
                                app_package::PackageContent content) {
  app_package::Problems problems;
  bool gone = false;
  const auto done = store_.change([&](store::Transaction& change) -> Result<void> {
    const auto* stored = change.view().find(records_.packages, id);
    gone = stored == nullptr || stored->value.attempt != attempt ||
           stored->value.state != OnboardingState::kProcessing;
    if (gone) return fail(ErrorCode::kConflict, "the package is another one meanwhile");
    const auto appd_id = content.descriptor.text("appDId");
    if (find(change.view(), appd_id) != nullptr) {  // §6.2.1.2 note 1
      problems.add(content.descriptor_path, 0,
                   fmt::format("appDId {} is that of another package", appd_id));
      return fail(ErrorCode::kConflict, "the appDId is taken");
    }
    auto record = stored->value;
    record.state = OnboardingState::kOnboarded;
    record.enabled = true;
    fill_in(record, std::move(content));
    events_.announce(change, PackageEvent::kOnboarded, record);
    change.put(records_.packages, id, std::move(record));
    return {};
  });
  if (done) {
    spdlog::info("package onboarded id={}", id);
    return {};
  }
  if (gone) return {};
  if (problems.empty()) return done;
  return give_up(id, attempt, problems);
}

Result<void> Catalogue::give_up(const std::string& id, uint64_t attempt,
                                const app_package::Problems& problems) {
  bool gone = false;
  const auto done = store_.change([&](store::Transaction& change) -> Result<void> {
    const auto* stored = change.view().find(records_.packages, id);
    gone = stored == nullptr || stored->value.attempt != attempt;
    if (gone) return fail(ErrorCode::kNotFound, "the package is gone");
    auto record = stored->value;
    record.state = OnboardingState::kCreated;
    record.size.reset();
    record.failure = failure_details(problems);
    record.source.clear();  // it may be uploaded instead
    change.put(records_.packages, id, std::move(record));
    return {};
  });
  if (gone) return {};
  if (!done) return done;
  files_.remove(id, attempt);
  spdlog::info("package refused id={} problems={} first=\"{}\"", id, problems.size(),
               problems.list().front().to_string());
  return {};
}

}  // namespace sluice::meao
