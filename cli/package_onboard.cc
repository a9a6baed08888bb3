#include <filesystem>
#include <thread>

#include "base/digest.h"
#include "cli/package_upload.h"
#include "cli/table.h"

namespace sluice::cli {
namespace {

using nlohmann::json;

constexpr std::chrono::milliseconds kFirstLook{50};
constexpr std::chrono::milliseconds kLongestPause{2000};

Result<uint64_t> size_of(const std::string& file) {
  std::error_code error;
  const auto size = std::filesystem::file_size(file, error);
  if (error) return fail(ErrorCode::kInvalidArgument, "{}: {}", file, error.message());
  if (size == 0) return fail(ErrorCode::kInvalidArgument, "{} is empty", file);
  return size;
}

Result<json> checksum_of(const OnboardOptions& options) {
  if (!options.checksum.empty()) {
    return json{
        {"algorithm",
         options.checksum.size() == hex_size(HashAlgorithm::kSha512) ? "SHA-512" : "SHA-256"},
        {"hash", options.checksum}};
  }
  auto hash = digest_of_file(options.file, HashAlgorithm::kSha256);
  if (!hash) return std::unexpected(hash.error());
  return json{{"algorithm", "SHA-256"}, {"hash", *hash}};
}

// Makes the resource; its id.
Result<std::string> create(const Context& context, const OnboardOptions& options) {
  const auto checksum = checksum_of(options);
  if (!checksum) return std::unexpected(checksum.error());
  const std::filesystem::path path(options.file.empty() ? options.from_uri : options.file);
  json body = {{"appPkgName", options.name.empty() ? path.stem().string() : options.name},
               {"appPkgVersion", options.version},
               {"checksum", *checksum}};
  if (!options.provider.empty()) body["appProvider"] = options.provider;
  if (!options.from_uri.empty()) body["appPkgPath"] = options.from_uri;
  const auto reply = context.session.call({.method = "POST",
                                           .target = kPackages,
                                           .headers = {{"Content-Type", "application/json"}},
                                           .body = body.dump()});
  if (!reply) return std::unexpected(reply.error());
  const auto info = json_of(*reply);
  if (!info) return std::unexpected(info.error());
  return member(*info, "id");
}

// Of a package whose upload was interrupted: how many octets are there.
Result<uint64_t> begun(const Context& context, const OnboardOptions& options, uint64_t size) {
  const auto info = context.session.get(package_target(options.resume));
  if (!info) return std::unexpected(info.error());
  const auto checksum = info->value("checksum", json::object());
  const auto algorithm = parse_hash_algorithm(member(checksum, "algorithm"));
  const auto hash = digest_of_file(options.file, algorithm.value_or(HashAlgorithm::kSha256));
  if (!hash) return std::unexpected(hash.error());
  if (*hash != member(checksum, "hash")) {
    return fail(ErrorCode::kInvalidArgument, "{} is not the file that package {} was created for",
                options.file, options.resume);
  }
  const auto state = member(*info, "onboardingState");
  if (state != "UPLOADING") return state == "CREATED" ? 0 : size;
  return info->value("uploadProgress", json::object()).value("received", uint64_t{0});
}

// Until nothing is being done with it; the AppPkgInfo.
Result<json> settled(const Context& context, const std::string& id) {
  for (auto pause = kFirstLook;; pause = std::min(pause * 2, kLongestPause)) {
    auto info = context.session.get(package_target(id));
    if (!info) return info;
    if (member(*info, "onboardingState") == "ONBOARDED" ||
        info->contains("onboardingFailureDetails")) {
      return info;
    }
    if (interrupted()) {
      return fail(ErrorCode::kUnavailable, "interrupted; the server goes on with package {}", id);
    }
    std::this_thread::sleep_for(pause);
  }
}

Error refusal_of(const json& info) {
  const auto failure = info.value("onboardingFailureDetails", json::object());
  const auto problems = failure.value("problems", json::array());
  std::string text = "the package is refused";
  if (problems.empty()) text += ": " + printable(member(failure, "detail"));
  for (const auto& problem : problems) {
    const auto file = member(problem, "file");
    const auto line = problem.value("line", uint64_t{0});
    text += "\n  ";
    if (!file.empty()) text += printable(file) + (line > 0 ? fmt::format(":{}", line) : "") + ": ";
    text += printable(member(problem, "message"));
  }
  return {ErrorCode::kInvalidArgument, text, {}};
}

Result<void> check(const OnboardOptions& options) {
  const bool from_file = !options.file.empty();
  if (from_file == !options.from_uri.empty()) {
    return fail(ErrorCode::kInvalidArgument, "name the package's file, or --from and its URI");
  }
  if (!from_file && options.checksum.empty()) {
    return fail(ErrorCode::kInvalidArgument,
                "--from needs --checksum: the SHA-256 or SHA-512 of the package");
  }
  if (!from_file && !options.resume.empty()) {
    return fail(ErrorCode::kInvalidArgument, "--resume is for the upload of a file");
  }
  return {};
}

// Sends the file; the id of its package.
Result<std::string> upload(const Context& context, const OnboardOptions& options) {
  const auto size = size_of(options.file);
  if (!size) return std::unexpected(size.error());
  std::string id = options.resume;
  uint64_t offset = 0;
  if (id.empty()) {
    auto made = create(context, options);
    if (!made) return made;
    id = *made;
  } else {
    const auto there = begun(context, options, *size);
    if (!there) return std::unexpected(there.error());
    if (*there == *size && !interrupted()) {
      // All of it, and maybe more than that has happened: the server says so.
      const auto info = context.session.get(package_target(id));
      if (info && member(*info, "onboardingState") != "UPLOADING") return id;
    }
    offset = *there;
  }
  const auto sent = upload_content(
      context,
      {options.file, id, *size, options.part_bytes > 0 ? options.part_bytes : *size, offset});
  if (!sent && sent.error().code == ErrorCode::kUnavailable) {
    return fail(
        ErrorCode::kUnavailable,
        "{}\nWhat has arrived is kept; go on with\n  sluicectl package onboard {} --resume {}",
        sent.error().message, options.file, id);
  }
  if (!sent) return std::unexpected(sent.error());
  return id;
}

}  // namespace

Result<void> onboard_package(const Context& context, const OnboardOptions& options) {
  if (auto ok = check(options); !ok) return ok;
  const auto id = options.file.empty() ? create(context, options) : upload(context, options);
  if (!id) return std::unexpected(id.error());
  const auto info = options.wait ? settled(context, *id) : context.session.get(package_target(*id));
  if (!info) return std::unexpected(info.error());
  if (info->contains("onboardingFailureDetails")) {
    auto error = refusal_of(*info);
    if (context.form == OutputForm::kJson) print_package(context, *info);
    if (options.keep) {
      error.message += "\nThe package is kept as " + *id;
    } else {
      // Its checksum is that of a file that will not be onboarded: nobody has any use for it.
      (void)context.session.call({.method = "DELETE", .target = package_target(*id)});
    }
    return std::unexpected(std::move(error));
  }
  print_package(context, *info);
  return {};
}

}  // namespace sluice::cli
