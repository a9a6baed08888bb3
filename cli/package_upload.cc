#include "cli/package_upload.h"

#include <fcntl.h>

#include <algorithm>
#include <array>
#include <thread>

#include "base/unique_fd.h"

namespace sluice::cli {
namespace {

using nlohmann::json;

constexpr int kMaxAttempts = 6;  // in a row, with nothing further

// Of what nothing can be said: the server may have it or not.
bool may_pass(const Result<HttpReply>& reply) {
  if (!reply) return reply.error().code == ErrorCode::kUnavailable;
  constexpr std::array kPassing = {401, 408, 409, 429, 500, 502, 503, 504};
  return std::ranges::find(kPassing, reply->status) != kPassing.end();
}

class Sender {
 public:
  Sender(const Context& context, Upload upload)
      : context_(context),
        upload_(std::move(upload)),
        progress_(context.progress, "uploaded", upload_.size) {}

  Result<void> run() {
    fd_ = UniqueFd(::open(upload_.file.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd_) return std::unexpected(errno_error(upload_.file));
    uint64_t at = std::min(upload_.offset, last_octet());
    for (int attempts = 0; at < upload_.size;) {
      const uint64_t end = std::min(upload_.size, at + upload_.part_bytes);
      const auto reply = send_part(at, end);
      if (reply && reply->ok()) {
        at = end;
        attempts = 0;
        continue;
      }
      if (interrupted()) return fail(ErrorCode::kUnavailable, "interrupted");
      const auto error = reply ? error_of(*reply) : reply.error();
      if (!may_pass(reply)) return std::unexpected(error);
      if (++attempts >= kMaxAttempts) return fail(ErrorCode::kUnavailable, "{}", error.message);
      pause(attempts);
      const auto there = received();
      if (!there) {
        if (there.error().code != ErrorCode::kUnavailable) return std::unexpected(there.error());
        continue;
      }
      if (*there > at) attempts = 0;
      at = *there == kAll ? upload_.size : std::min(*there, last_octet());
    }
    progress_.done();
    return {};
  }

 private:
  static constexpr uint64_t kAll = UINT64_MAX;
  // Sent again where all octets are there and yet the server waits: it did not hear the end.
  uint64_t last_octet() const { return upload_.size > 0 ? upload_.size - 1 : 0; }

  Result<HttpReply> send_part(uint64_t first, uint64_t end) {
    uint64_t position = first;
    return context_.session.send(
        {.method = "PUT",
         .target = package_target(upload_.id) + "/package_content",
         .headers = {{"Content-Type", "application/zip"},
                     {"Content-Range",
                      fmt::format("bytes {}-{}/{}", first, end - 1, upload_.size)}},
         .source = [&](char* to, size_t most) -> size_t {
           const auto n = ::pread(fd_.get(), to, std::min<uint64_t>(most, end - position),
                                  static_cast<off_t>(position));
           position += static_cast<uint64_t>(std::max<ssize_t>(n, 0));
           return static_cast<size_t>(std::max<ssize_t>(n, 0));
         },
         .length = end - first,
         .progress =
             [&](uint64_t octets) {
               progress_.at(first + octets);
               return !interrupted();
             }});
  }

  // Octets that the server has; kAll when it needs no more.
  Result<uint64_t> received() const {
    const auto info = context_.session.get(package_target(upload_.id));
    if (!info) return std::unexpected(info.error());
    const auto state = member(*info, "onboardingState");
    if (state == "PROCESSING" || state == "ONBOARDED") return kAll;
    const auto at = info->find("uploadProgress");
    return at != info->end() && at->is_object() ? at->value("received", uint64_t{0}) : 0;
  }

  // Longer and longer: a server that starts again needs a moment.
  static void pause(int attempts) {
    std::this_thread::sleep_for(std::chrono::milliseconds(125) * (1 << std::min(attempts, 6)));
  }

  const Context& context_;
  const Upload upload_;
  UniqueFd fd_;
  Progress progress_;
};

}  // namespace

Result<void> upload_content(const Context& context, Upload upload) {
  return Sender(context, std::move(upload)).run();
}

}  // namespace sluice::cli
