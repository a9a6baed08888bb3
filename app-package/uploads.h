// Contents of packages on their way from the operator to the disk.
#pragma once

#include <memory>
#include <mutex>
#include <set>
#include <string>

#include "base/http/body_stream.h"
#include "base/unique_fd.h"

namespace sluice::app_package {

// Which packages have an upload under way: one at a time each, so that no two write one file.
class ActiveUploads {
 public:
  // Held as long as the upload goes on.
  class Place {
   public:
    Place(std::shared_ptr<ActiveUploads> uploads, std::string id)
        : uploads_(std::move(uploads)), id_(std::move(id)) {}
    Place(Place&&) = default;
    Place& operator=(Place&&) = delete;
    ~Place() {
      if (uploads_) uploads_->leave(id_);
    }

   private:
    std::shared_ptr<ActiveUploads> uploads_;
    std::string id_;
  };

  // Null when it is taken. Places may outlive the caller's reference to `uploads`.
  static std::unique_ptr<Place> enter(const std::shared_ptr<ActiveUploads>& uploads,
                                      const std::string& id);

 private:
  void leave(const std::string& id);

  std::mutex mutex_;
  std::set<std::string> active_;
};

// Where the octets of one request go.
struct UploadTarget {
  std::string package;
  uint64_t attempt = 0;
  std::string path;                  // of the file
  uint64_t offset = 0;               // of the first octet
  std::optional<uint64_t> end = {};  // behind the last octet of this request; absent: not announced
  std::optional<uint64_t> size = {};  // of the whole content; absent: what comes is all of it
};

class Upload final : public http::BodyConsumer {
 public:
  // kUnavailable when the file cannot be written. What it had beyond `offset` is gone.
  static Result<std::shared_ptr<Upload>> begin(UploadTarget target,
                                               std::unique_ptr<ActiveUploads::Place> place);

  // kUnavailable when the disk is full, kInvalidArgument when more comes than was announced.
  Result<void> take(std::string_view bytes) override;

  // When the request is complete: has what was taken on disk. Waits for it.
  Result<void> sync();

  // Lets the next request for the package in; nothing is taken any more. Before the client hears
  // that this one is done: its next one may come at once.
  void leave() { place_.reset(); }

  const UploadTarget& target() const { return target_; }
  uint64_t position() const { return position_; }  // octets of the content that are there
  bool complete() const { return !target_.size || position_ == *target_.size; }

 private:
  Upload(UploadTarget target, std::unique_ptr<ActiveUploads::Place> place, UniqueFd fd)
      : target_(std::move(target)),
        place_(std::move(place)),
        fd_(std::move(fd)),
        position_(target_.offset),
        flushed_(position_) {}

  const UploadTarget target_;
  std::unique_ptr<ActiveUploads::Place> place_;
  const UniqueFd fd_;
  uint64_t position_;
  uint64_t flushed_;  // on its way to the disk
};

// "bytes FIRST-LAST/SIZE" (RFC 9110 §14.4). kInvalidArgument names the header.
struct ContentRange {
  uint64_t first = 0;
  uint64_t last = 0;
  uint64_t size = 0;
  static Result<ContentRange> parse(std::string_view text);
};

}  // namespace sluice::app_package
