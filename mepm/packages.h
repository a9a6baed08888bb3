// The packages of the site: from the request that brings one to the store.
#pragma once

#include <functional>
#include <memory>

#include "app-package/content_files.h"
#include "app-package/reader.h"
#include "app-package/uploads.h"
#include "base/clock.h"
#include "base/http/message.h"
#include "base/store/store.h"
#include "base/work_queue.h"
#include "mepm/agent/records.h"
#include "mepm/vim/vim.h"

namespace sluice::mepm {

// A package on its way; its file goes with it unless it was stored.
class SiteUpload final : public http::BodyConsumer {
 public:
  SiteUpload(std::shared_ptr<app_package::Upload> upload, const app_package::ContentFiles& files,
             std::string hash)
      : sha256(std::move(hash)), upload_(std::move(upload)), files_(files) {}
  ~SiteUpload() override;
  Result<void> take(std::string_view bytes) override { return upload_->take(bytes); }

  app_package::Upload& content() { return *upload_; }
  void keep() { kept_ = true; }
  const std::string sha256;  // that the whole has to have

 private:
  const std::shared_ptr<app_package::Upload> upload_;
  const app_package::ContentFiles& files_;
  bool kept_ = false;
};

struct PackageLimits {
  size_t count = 1000;
  uint64_t max_bytes = 8ULL << 30;
};

// May be used by several threads at a time; packages are checked on a thread of its own.
class SitePackages {
 public:
  // All references must outlive it. Removes files that no package owns.
  SitePackages(store::Store& store, const AgentRecords& records, app_package::ContentFiles& files,
               Vim& vim, const Clock& clock, app_package::ReaderOptions reader,
               PackageLimits limits);
  ~SitePackages() { stop(); }
  void stop();

  // Where the body of a request for package `id` with that hash goes; the error is a reply.
  std::expected<std::shared_ptr<SiteUpload>, http::Response> begin(const std::string& id,
                                                                   std::optional<uint64_t> size,
                                                                   std::string_view sha256);

  // What became of it, when it is checked and stored, or refused.
  struct Stored {
    bool is_new = false;
  };
  using Done = std::function<void(Result<Stored>)>;
  void finish(std::shared_ptr<SiteUpload> upload, Done done);

  // kConflict while instances use it, kNotFound.
  void remove(const std::string& id, std::function<void(Result<void>)> done);

  static bool in_use(const store::Snapshot& state, const AgentRecords& records,
                     std::string_view id);

 private:
  Result<Stored> check_and_store(SiteUpload& upload, const std::string& sha256);
  Result<PackageRecord> read(app_package::Upload& upload, const std::string& sha256) const;
  void remove_images(const std::vector<PackagedImage>& images);

  store::Store& store_;
  const AgentRecords records_;
  app_package::ContentFiles& files_;
  Vim& vim_;
  const Clock& clock_;
  const app_package::ReaderOptions reader_;
  const PackageLimits limits_;
  const std::shared_ptr<app_package::ActiveUploads> uploads_ =
      std::make_shared<app_package::ActiveUploads>();
  std::atomic<uint64_t> next_attempt_ = 1;
  std::atomic<bool> stopped_ = false;
  WorkQueue queue_{1};
};

}  // namespace sluice::mepm
