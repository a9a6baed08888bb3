#include "app-package/reader.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "app-package/file_path.h"
#include "app-package/manifest.h"
#include "app-package/survey.h"
#include "base/unique_fd.h"
#include "base/write_all.h"

namespace sluice::app_package {
namespace {

constexpr uint64_t kInnerSlack = 1 << 20;  // octets, for small packages

class PackageReading {
 public:
  PackageReading(const ReaderOptions& options, std::chrono::system_clock::time_point now,
                 const std::atomic<bool>& stop, Problems& problems)
      : options_(options), now_(now), stop_(stop), problems_(problems) {}

  std::optional<PackageContent> read(const std::string& archive, const std::string& scratch) {
    const auto outer = survey(archive, options_.archive, problems_);
    if (!outer || stop_) return std::nullopt;
    const auto envelope = find_envelope(*outer, problems_);
    if (!envelope) return read_inner(archive, *outer);
    if (!problems_.empty() || !unpack(archive, envelope->package, scratch)) return std::nullopt;
    check_signature(*outer->text(envelope->signature), {{}, scratch},
                    text_or_empty(*outer, envelope->certificate), envelope->signature);
    const auto inner = survey(scratch, options_.archive, problems_);
    if (!inner || stop_) return std::nullopt;
    return read_inner(scratch, *inner);
  }

 private:
  static std::string_view text_or_empty(const Survey& survey, const std::string& path) {
    const auto* text = survey.text(path);
    return text != nullptr ? std::string_view(*text) : std::string_view();
  }

  // What the package in this archive may have. It is compressed itself, so that it hardly gets
  // smaller in there: who signs is not known yet when it is unpacked to the disk.
  uint64_t inner_limit(const std::string& archive) const {
    struct stat info{};
    const auto outer =
        ::stat(archive.c_str(), &info) == 0 ? static_cast<uint64_t>(info.st_size) : 0;
    return std::min(outer + outer / 20 + kInnerSlack, options_.max_inner);
  }

  // The one file of the archive into a file of its own.
  bool unpack(const std::string& archive, const std::string& path, const std::string& to) {
    const UniqueFd fd(
        ::open(to.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!fd) return obstructed(errno_error("open " + to));
    const auto limit = inner_limit(archive);
    uint64_t size = 0;
    std::optional<Error> unwritten;
    bool done = false;
    const bool read = for_each_file(archive, options_.archive, problems_,
                                    [&](const ArchiveFile& file, FileReader& reader) {
                                      if (file.path != path) return true;
                                      done = reader.read([&](std::string_view bytes) {
                                        size += bytes.size();
                                        if (size > limit || stop_) return false;
                                        if (write_all(fd.get(), bytes)) return true;
                                        unwritten = errno_error("write " + to);
                                        return false;
                                      });
                                      return done;
                                    });
    if (unwritten) return obstructed(std::move(*unwritten));
    if (size > limit) {
      problems_.add(path, 0, fmt::format("unpacks to more than {} octets", limit));
    } else if (!read && problems_.empty() && !stop_) {
      problems_.add(path, 0, "could not be unpacked");
    }
    return read && done;
  }

  bool obstructed(Error why) {
    problems_.obstruct(std::move(why));
    return false;
  }

  void check_signature(std::string_view signature, const SignedContent& content,
                       std::string_view certificate, const std::string& at) {
    if (options_.signature == SignaturePolicy::kIgnored) return;
    const auto trust = Trust::load(options_.trust);
    if (!trust) return problems_.obstruct(trust.error());
    auto signer = verify_signature(signature, content, certificate, *trust, now_);
    if (!signer) return problems_.add(at, 0, signer.error().message);
    signer_ = std::move(*signer);
  }

  std::optional<PackageContent> read_inner(const std::string& archive, const Survey& survey) {
    const auto parts = find_parts(survey, problems_);
    if (!parts) return std::nullopt;
    const auto& manifest_text = *survey.text(parts->manifest);
    const auto manifest = Manifest::read(parts->manifest, manifest_text, problems_);
    if (!manifest.signature.empty()) {
      check_signature(manifest.signature,
                      {std::string_view(manifest_text).substr(0, manifest.signed_size), {}},
                      text_or_empty(survey, parts->certificate), parts->manifest);
    } else if (!signer_ && options_.signature == SignaturePolicy::kRequired && problems_.empty()) {
      problems_.add(parts->manifest, 0,
                    "is not signed, and neither is the package; only signed ones are taken here");
    }
    PackageContent out;
    // A descriptor that nobody vouches for is not even parsed.
    const bool vouched = problems_.empty();
    if (!check_files(archive, *parts, manifest, out.files)) return std::nullopt;
    if (!vouched || hash_differs_) return std::nullopt;
    out.descriptor_path = parts->descriptor;
    out.descriptor_text = *survey.text(parts->descriptor);
    auto descriptor = read_descriptor(parts->descriptor, out.descriptor_text, parts->meta.empty(),
                                      out.files, problems_);
    if (!descriptor || !problems_.empty()) return std::nullopt;
    out.descriptor = std::move(*descriptor);
    out.signer = std::move(signer_);
    return out;
  }

  // The manifest and the certificate cannot list or sign themselves.
  static bool cannot_be_listed(std::string_view path, const Parts& parts) {
    if (path == parts.meta || path == parts.descriptor) return false;
    return path == parts.manifest || path == parts.certificate;
  }

  // Every file is listed, and every listed file is there and has its hash. False when the archive
  // could not be read on.
  bool check_files(const std::string& archive, const Parts& parts, const Manifest& manifest,
                   PackagedFiles& out) {
    auto missing = manifest.entries;
    const bool read = for_each_file(
        archive, options_.archive, problems_, [&](const ArchiveFile& file, FileReader& reader) {
          const auto listed = manifest.entries.find(file.path);
          if (listed == manifest.entries.end()) {
            if (cannot_be_listed(file.path, parts)) return true;
            problems_.add(file.path, 0, fmt::format("is not listed in {}", parts.manifest));
            return true;
          }
          missing.erase(file.path);
          return check_hash(file, reader, listed->second, manifest, out);
        });
    if (!read) return false;
    for (const auto& [path, entry] : missing) {
      problems_.add(manifest.path, entry.line, fmt::format("{} is not in the package", path));
    }
    return true;
  }

  bool check_hash(const ArchiveFile& file, FileReader& reader, const ManifestEntry& listed,
                  const Manifest& manifest, PackagedFiles& out) {
    Digest digest(listed.algorithm);
    uint64_t size = 0;
    const bool read = reader.read([&](std::string_view bytes) {
      digest.update(bytes);
      size += bytes.size();
      return !stop_.load();
    });
    if (!read) return false;
    if (const auto hash = digest.hex(); hash != listed.hash) {
      hash_differs_ = true;
      problems_.add(manifest.path, listed.line,
                    fmt::format("the {} of {} is {}, not what is listed",
                                to_string(listed.algorithm), file.path, hash));
    }
    out.emplace(file.path, PackagedFile{size, listed.algorithm, listed.hash});
    return true;
  }

  const ReaderOptions& options_;
  const std::chrono::system_clock::time_point now_;
  const std::atomic<bool>& stop_;
  Problems& problems_;
  std::optional<Signer> signer_;
  bool hash_differs_ = false;  // of any file
};

}  // namespace

std::optional<PackageContent> read_package(const std::string& archive, const std::string& scratch,
                                           const ReaderOptions& options,
                                           std::chrono::system_clock::time_point now,
                                           const std::atomic<bool>& stop, Problems& problems) {
  auto out = PackageReading(options, now, stop, problems).read(archive, scratch);
  ::unlink(scratch.c_str());
  if (stop || !problems.empty() || problems.obstacle()) return std::nullopt;
  return out;
}

}  // namespace sluice::app_package
