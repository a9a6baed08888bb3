// The packages of the orchestrator: their way from nothing to onboarded, and what is kept of them.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "app-package/content_files.h"
#include "app-package/reader.h"
#include "app-package/uploads.h"
#include "base/http/message.h"
#include "base/store/store.h"
#include "base/work_queue.h"
#include "meao/catalogue/fetcher.h"
#include "meao/catalogue/package_events.h"
#include "meao/catalogue/package_record.h"

namespace sluice::meao {

struct CatalogueOptions {
  std::string directory;  // of the contents
  app_package::ReaderOptions reader;
  FetchOptions fetch;
  size_t max_packages = 10'000;
  uint64_t max_size = 8ULL << 30;  // octets of one content
  size_t fetch_threads = 2;
};

// May be used by several threads at a time. Changes of the store run on the caller's thread, checks
// of packages and transfers from other hosts on threads of its own.
class Catalogue {
 public:
  // Takes up what was under way when the program ended, and removes files that no package owns. All
  // references must outlive it.
  static Result<std::unique_ptr<Catalogue>> start(store::Store& store,
                                                  const CatalogueRecords& records,
                                                  PackageEvents& events,
                                                  const notify::CallbackPolicy& policy,
                                                  const Clock& clock, CatalogueOptions options);
  ~Catalogue();
  // Ends the work; nothing of it changes the store from then on. No other thread may use it.
  void stop();

  const CatalogueRecords& records() const { return records_; }
  const CatalogueOptions& options() const { return options_; }
  store::Store& store() const { return store_; }

  // By id, or by the appDId of an onboarded package; null when there is none.
  const store::Stored<PackageRecord>* find(const store::Snapshot& state,
                                           std::string_view id_or_appd) const;
  bool in_use(const store::Snapshot& state, std::string_view id) const;
  uint64_t obstacles() const { return obstacles_; }  // that kept packages waiting, since the start
  // Octets of the content that are there, of a package that is UPLOADING.
  std::optional<uint64_t> received(const PackageRecord& record) const;
  std::string content_path(const PackageRecord& record) const;

  using Done = store::Store::Done;
  // A new record, whose content is fetched if it has a source.
  void create(PackageRecord record, Done done);
  void set_enabled(const std::string& id, bool enabled, const http::Request& request, Done done);
  // kConflict while app instances use it.
  void remove(const std::string& id, const http::Request& request, Done done);

  // Where a body goes. `range`: it is a part; otherwise it is all, of `size` octets if announced.
  // The error is a reply.
  std::expected<std::shared_ptr<app_package::Upload>, http::Response> begin_upload(
      const std::string& id, const std::optional<app_package::ContentRange>& range,
      std::optional<uint64_t> size);
  // The body is there: done() runs when it is on disk and the record says so.
  void finish_upload(std::shared_ptr<app_package::Upload> upload, Done done);

 private:
  Catalogue(store::Store& store, const CatalogueRecords& records, PackageEvents& events,
            const notify::CallbackPolicy& policy, const Clock& clock, CatalogueOptions options,
            app_package::ContentFiles files);
  void resume();
  void start_fetch(const PackageRecord& record);
  void start_processing(const std::string& id, uint64_t attempt);
  // Work on a package. An error is something in its way for which the package is not to blame: it
  // stays in its state, and the work begins again, later each time.
  using PackageWork = std::function<Result<void>(const std::atomic<bool>& stop)>;
  void start(WorkQueue& queue, const std::string& id, PackageWork work);
  void attempt(WorkQueue& queue, const std::string& id,
               const std::shared_ptr<std::atomic<bool>>& stop, const PackageWork& work,
               std::chrono::seconds delay);
  Result<void> run_fetch(const std::string& id, uint64_t attempt, const std::string& source,
                         const std::atomic<bool>& stop);
  Result<void> process(const std::string& id, uint64_t attempt, const std::atomic<bool>& stop);
  Result<void> onboard(const std::string& id, uint64_t attempt,
                       app_package::PackageContent content);
  Result<void> give_up(const std::string& id, uint64_t attempt,
                       const app_package::Problems& problems);
  // The record while this attempt is UPLOADING. kUnavailable when that was never stored.
  Result<PackageRecord> under_upload(store::Transaction& change, const std::string& id,
                                     uint64_t attempt) const;
  Result<void> to_processing(store::Transaction& change, const std::string& id, uint64_t attempt);
  Result<app_package::UploadTarget> upload_target(
      store::Transaction& change, const std::string& id,
      const std::optional<app_package::ContentRange>& range, std::optional<uint64_t> size) const;
  std::shared_ptr<std::atomic<bool>> new_stop(const std::string& id);
  void stop_work(const std::string& id);

  store::Store& store_;
  const CatalogueRecords records_;
  PackageEvents& events_;
  const notify::CallbackPolicy& policy_;
  const Clock& clock_;
  const CatalogueOptions options_;
  const app_package::ContentFiles files_;
  const std::shared_ptr<app_package::ActiveUploads> uploads_ =
      std::make_shared<app_package::ActiveUploads>();
  std::mutex mutex_;                                                 // guards what follows
  std::map<std::string, std::shared_ptr<std::atomic<bool>>> stops_;  // of work on packages
  std::atomic<uint64_t> obstacles_ = 0;
  bool stopped_ = false;
  WorkQueue syncing_{1};
  WorkQueue processing_{1};
  WorkQueue fetching_;
};

}  // namespace sluice::meao
