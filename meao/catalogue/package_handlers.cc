#include "meao/catalogue/package_handlers.h"

#include <array>
#include <charconv>

#include "base/http/byte_range.h"
#include "base/http/etag.h"
#include "base/http/pending_response.h"
#include "base/http/percent.h"
#include "base/http/problem.h"
#include "base/rest/list_reply.h"
#include "base/uuid.h"
#include "meao/catalogue/appd_reply.h"
#include "notify/callback_uri.h"

namespace sluice::meao {
namespace {

using http::Request;
using http::Response;
using nlohmann::json;

constexpr const char* kZip = "application/zip";

const rest::ListOptions& list_options() {
  static const rest::ListOptions kOptions{
      .id_member = "id",
      .excluded_by_default = {"checksum", "softwareImages", "additionalArtifacts"}};
  return kOptions;
}

// Edition 2.1.1 misspells an attribute by which lists are filtered.
Request with_known_words(const Request& request) {
  auto out = request;
  std::string text;
  for (const auto& [name, value] : request.query) {
    std::string spelt = value;
    for (size_t at; (at = spelt.find("onBoardingState")) != std::string::npos;) {
      spelt.replace(at, 15, "onboardingState");
    }
    text += fmt::format("{}{}={}", text.empty() ? "" : "&", name, http::percent_encode(spelt));
  }
  if (auto query = http::Query::parse(text)) out.query = std::move(*query);
  return out;
}

Result<PackageRecord> record_of(const json& body) {
  PackageRecord out;
  out.id = new_uuid();
  out.name = body["appPkgName"].get<std::string>();
  out.version = body["appPkgVersion"].get<std::string>();
  out.provider = body.value("appProvider", "");
  if (body.contains("userDefinedData")) out.user_data = body["userDefinedData"];
  const auto& checksum = body["checksum"];
  const auto algorithm = parse_hash_algorithm(checksum["algorithm"].get_ref<const std::string&>());
  if (!algorithm) return bad_field("checksum.algorithm", "has to be SHA-256 or SHA-512");
  auto hash = parse_hash(*algorithm, checksum["hash"].get_ref<const std::string&>());
  if (!hash) {
    return bad_field("checksum.hash", "has to be {} hexadecimal digits", hex_size(*algorithm));
  }
  out.checksum_algorithm = *algorithm;
  out.checksum = std::move(*hash);
  out.source = body.value("appPkgPath", "");
  if (out.source.empty()) return out;
  if (const auto uri = notify::CallbackUri::parse(out.source); !uri) {
    return bad_field("appPkgPath", "has to be a URI of http or https: {}", uri.error().message);
  }
  return out;
}

std::optional<uint64_t> content_length(const Request& request) {
  const auto text = request.headers.get("Content-Length").value_or("");
  uint64_t out = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (text.empty() || code != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return out;
}

class Packages {
 public:
  Packages(Catalogue& catalogue, Edition edition, std::string public_uri)
      : catalogue_(catalogue), edition_(edition), public_uri_(std::move(public_uri)) {}

  Response list(const Request& given) const {
    const auto request = with_known_words(given);
    auto page = rest::ListPage::begin(request, list_options());
    if (!page) return http::to_response(page.error());
    const auto state = catalogue_.store().snapshot();
    const auto& rows = state.of(catalogue_.records().packages);
    for (auto at = rows.upper_bound(page->after()); at != rows.end(); ++at) {
      if (!page->add(at->first, info(state, at->second.value))) break;
    }
    return page->reply();
  }

  Response create(const Request& request) const {
    auto record = record_of(request.json);
    if (!record) return http::to_response(record.error());
    const auto id = record->id;
    return reply_when(
        [&](Catalogue::Done done) { catalogue_.create(std::move(*record), std::move(done)); },
        [*this, id](const store::Snapshot& state) {
          const auto* stored = catalogue_.find(state, id);
          if (stored == nullptr) return Response::problem(404, "the package is gone already");
          return Response::json(201, info(state, stored->value))
              .with("Location", public_uri_ + package_path(edition_, stored->value));
        });
  }

  Response read(const Request& request) const {
    const auto state = catalogue_.store().snapshot();
    const auto* stored = find(state, request);
    if (stored == nullptr) return not_found(request);
    const auto body = info(state, stored->value);
    // Progress is not part of the store, whose revisions tags are made of.
    if (stored->value.state == OnboardingState::kUploading) return Response::json(200, body);
    return http::tagged_response(request, body, http::etag_of(stored->revision));
  }

  Response modify(const Request& request) const {
    const auto& body = request.json;
    const auto* own = state_member();
    const auto* sent = body.contains(own)                ? own
                       : body.contains("operationState") ? "operationState"
                                                         : "operationalState";
    if (!body.contains(sent)) return Response::problem(400, fmt::format("{}: is missing", own));
    const auto wanted = body[sent].get<std::string>();
    const auto state = catalogue_.store().snapshot();
    const auto* stored = find(state, request);
    if (stored == nullptr) return not_found(request);
    return reply_when(
        [&](Catalogue::Done done) {
          catalogue_.set_enabled(stored->value.id, wanted == "ENABLED", request, std::move(done));
        },
        [wanted, own](const store::Snapshot&) { return Response::json(200, {{own, wanted}}); });
  }

  Response remove(const Request& request) const {
    const auto state = catalogue_.store().snapshot();
    const auto* stored = find(state, request);
    if (stored == nullptr) return not_found(request);
    return reply_when(
        [&](Catalogue::Done done) {
          catalogue_.remove(stored->value.id, request, std::move(done));
        },
        [](const store::Snapshot&) { return Response::no_content(); });
  }

  Response descriptor(const Request& request) const {
    const auto state = catalogue_.store().snapshot();
    const auto* stored = find(state, request);
    if (stored == nullptr) return not_found(request);
    if (auto refusal = unless_onboarded(stored->value)) return std::move(*refusal);
    return appd_reply(request, stored->value);
  }

  Response content(const Request& request) const {
    const auto state = catalogue_.store().snapshot();
    const auto* stored = find(state, request);
    if (stored == nullptr) return not_found(request);
    const auto& record = stored->value;
    if (auto refusal = unless_onboarded(record)) return std::move(*refusal);
    return http::file_response(request, catalogue_.content_path(record), record.size.value_or(0),
                               kZip, fmt::format("\"{}\"", record.checksum));
  }

  std::expected<std::shared_ptr<http::BodyConsumer>, Response> open(const Request& request) const {
    const auto state = catalogue_.store().snapshot();
    const auto* stored = find(state, request);
    if (stored == nullptr) return std::unexpected(not_found(request));
    std::optional<app_package::ContentRange> range;
    if (const auto header = request.headers.get("Content-Range")) {
      auto parsed = app_package::ContentRange::parse(*header);
      if (!parsed) return std::unexpected(http::to_response(parsed.error()));
      range = *parsed;
    }
    return catalogue_.begin_upload(stored->value.id, range, content_length(request));
  }

  Response upload(const Request& request) const {
    auto upload = std::static_pointer_cast<app_package::Upload>(request.consumer);
    if (!upload) return Response::problem(400, "the request needs a body");
    const auto offset = std::to_string(upload->position());
    return reply_when(
        [&](Catalogue::Done done) { catalogue_.finish_upload(upload, std::move(done)); },
        [offset](const store::Snapshot&) {
          return Response{202, {}, {}}.with("Upload-Offset", offset);
        });
  }

 private:
  // By which PATCH names the state.
  const char* state_member() const {
    return edition_ == Edition::k211 ? "operationState" : "operationalState";
  }
  const store::Stored<PackageRecord>* find(const store::Snapshot& state,
                                           const Request& request) const {
    return catalogue_.find(state, request.path_params.begin()->second);
  }
  static Response not_found(const Request& request) {
    return Response::problem(
        404, fmt::format("there is no package '{}'", request.path_params.begin()->second));
  }
  static std::optional<Response> unless_onboarded(const PackageRecord& record) {
    if (record.state == OnboardingState::kOnboarded) return std::nullopt;
    return Response::problem(
        409, fmt::format("the package is {}, and not ONBOARDED", to_string(record.state)));
  }

  json info(const store::Snapshot& state, const PackageRecord& record) const {
    return app_pkg_info(record, {.edition = edition_,
                                 .public_uri = public_uri_,
                                 .in_use = catalogue_.in_use(state, record.id),
                                 .received = catalogue_.received(record)});
  }

  // The reply that reply(snapshot) makes, when what `start` does is durable.
  template <typename Start, typename Reply>
  Response reply_when(Start start, Reply reply) const {
    auto pending = std::make_shared<http::PendingResponse>();
    start([pending, reply, &store = catalogue_.store()](const Result<void>& done) {
      pending->resolve(done ? reply(store.snapshot()) : http::to_response(done.error()));
    });
    return http::deferred(pending);
  }

  Catalogue& catalogue_;
  const Edition edition_;
  const std::string public_uri_;
};

constexpr std::array kResources = {std::pair{"AppPackage", Edition::k211},
                                   std::pair{"OnboardedAppPackage", Edition::k311}};

}  // namespace

http::Handlers package_handlers(Catalogue& catalogue, const std::string& public_uri) {
  http::Handlers out;
  for (const auto& [name, edition] : kResources) {
    const Packages packages(catalogue, edition, public_uri);
    const auto add = [&](const std::string& operation,
                         Response (Packages::*member)(const Request&) const) {
      out.emplace(operation,
                  [packages, member](const Request& r) { return (packages.*member)(r); });
    };
    const std::string noun = name;
    add("list" + noun + "s", &Packages::list);
    add("create" + noun, &Packages::create);
    add("get" + noun, &Packages::read);
    add("patch" + noun, &Packages::modify);
    add("delete" + noun, &Packages::remove);
    add("get" + noun + "AppD", &Packages::descriptor);
    add("get" + noun + "Content", &Packages::content);
    add("put" + noun + "Content", &Packages::upload);
  }
  return out;
}

std::map<std::string, http::BodyOpener, std::less<>> package_body_openers(Catalogue& catalogue) {
  std::map<std::string, http::BodyOpener, std::less<>> out;
  for (const auto& [name, edition] : kResources) {
    const Packages packages(catalogue, edition, "");
    out.emplace(fmt::format("put{}Content", name),
                [packages](const Request& request) { return packages.open(request); });
  }
  return out;
}

}  // namespace sluice::meao
