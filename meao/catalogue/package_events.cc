#include "meao/catalogue/package_events.h"

#include <algorithm>
#include <array>

#include "base/rest/attribute_filter.h"
#include "base/uuid.h"
#include "meao/catalogue/app_pkg_info.h"

namespace sluice::meao {
namespace {

using nlohmann::json;

constexpr const char* kApi = "app_pkgm";

// The types of subscriptions, and whether their words are those of edition 2.1.1, misspelt as they
// are there.
struct TypeWord {
  const char* word;
  const char* event;  // what kind it is of
  Edition edition;
};
constexpr std::array kTypes = {
    TypeWord{"AppPackageOnBoardingSubscription", "onboarding", Edition::k311},
    TypeWord{"AppPackageChangeSubscription", "change", Edition::k311},
    TypeWord{"AppPackageDeletionSubscription", "deletion", Edition::k311},
    TypeWord{"AppPackageOnBoarding", "onboarding", Edition::k211},
    TypeWord{"AppPacakgeOperationChange", "change", Edition::k211},
    TypeWord{"AppPackageOperationChange", "change", Edition::k211},
    TypeWord{"AppPackageDeletion", "deletion", Edition::k211},
};

std::string_view kind_of(PackageEvent event) {
  if (event == PackageEvent::kOnboarded) return "onboarding";
  return event == PackageEvent::kDeleted ? "deletion" : "change";
}

std::string notification_type(PackageEvent event, Edition edition) {
  const bool old = edition == Edition::k211;
  switch (event) {
    case PackageEvent::kOnboarded:
      return "AppPackageOnBoarded";
    case PackageEvent::kEnabled:
      return old ? "AppPacakgeEnabled" : "AppPackageEnabled";
    case PackageEvent::kDisabled:
      return old ? "AppPacakgeDisabled" : "AppPackageDisabled";
    case PackageEvent::kDeleted:
      break;
  }
  return "AppPackageDeleted";
}

bool is_change(std::string_view type) {
  const auto at = std::ranges::find(kTypes, type, &TypeWord::word);
  return at != kTypes.end() && std::string_view(at->event) == "change";
}

}  // namespace

// Admits a package that one of its filters admits, or any if there is none.
struct PackageEvents::Filter {
  std::vector<json> values;                    // members that have to be equal
  std::vector<rest::AttributeFilter> filters;  // of MEC 009

  static Result<Filter> parse(const json& body) {
    Filter out;
    const auto given = body.find("appPkgFilter");
    if (given == body.end()) return out;
    for (const auto& item : *given) {
      if (item.is_string()) {
        auto filter = rest::AttributeFilter::parse(item.get_ref<const std::string&>());
        if (!filter) return bad_field("appPkgFilter", "{}", filter.error().message);
        out.filters.push_back(std::move(*filter));
      } else {
        out.values.push_back(item);
        if (auto id = item.find("appPkgInfoId"); id != item.end()) {
          if (item.contains("appDId")) {
            return bad_field("appPkgFilter", "appPkgInfoId and appDId exclude each other");
          }
          out.values.back()["id"] = *id;
          out.values.back().erase("appPkgInfoId");
        }
      }
    }
    return out;
  }

  bool admits(const json& info) const {
    const auto equal = [&](const json& wanted) {
      for (const auto& [name, value] : wanted.items()) {
        if (const auto at = info.find(name); at == info.end() || *at != value) return false;
      }
      return true;
    };
    return (values.empty() && filters.empty()) || std::ranges::any_of(values, equal) ||
           std::ranges::any_of(filters, [&](const auto& filter) { return filter.matches(info); });
  }
};

PackageEvents::PackageEvents(const notify::Outbox& outbox, CatalogueRecords records,
                             std::string public_uri)
    : outbox_(outbox), records_(records), public_uri_(std::move(public_uri)) {
  for (const auto& type : kTypes) {
    by_type_.emplace(
        type.word,
        std::make_unique<Index>(
            outbox.records(), kApi, type.word, [](const notify::Subscription& s) {
              return std::make_shared<const Filter>(Filter::parse(s.body).value_or(Filter{}));
            }));
  }
}

void PackageEvents::announce(store::Transaction& change, PackageEvent event,
                             const PackageRecord& record) {
  bool in_use = false;
  for (const auto& [instance, package] : change.view().of(records_.users)) {
    in_use |= package.value == record.id;
  }
  const auto id = new_uuid();
  const auto when = notify::time_stamp(change.now());
  for (const auto& type : kTypes) {
    if (kind_of(event) != type.event) continue;
    const auto info = app_pkg_info(
        record, {.edition = type.edition, .public_uri = public_uri_, .in_use = in_use});
    auto told = by_type_.at(type.word)->find(
        change.view(), [&](const auto& filter, const auto&) { return filter->admits(info); });
    if (told.empty()) continue;
    outbox_.enqueue(change,
                    {{"id", id},
                     {"notificationType", notification_type(event, type.edition)},
                     {"timeStamp", when},
                     {"appPkgId", record.id},
                     {"appDId", record.appd_id()},
                     {"operationalState", record.enabled ? "ENABLED" : "DISABLED"}},
                    std::move(told));
  }
}

notify::SubscriptionResource package_subscriptions(notify::SubscriptionSite site, size_t limit) {
  notify::SubscriptionApi api;
  api.name = kApi;
  api.path = [](const std::string&) { return "/app_pkgm/v1/subscriptions"; };
  api.owner = [](const http::Request& request) -> Result<std::string> {
    return request.principal ? request.principal->subject : "";
  };
  for (const auto& type : kTypes) {
    const bool change = is_change(type.word);
    api.types[type.word] = [change](const json& body, const std::string&) -> Result<json> {
      const auto given = body.find("appPkgFilter");
      if (given == body.end()) return json::object();
      for (const auto& item : *given) {  // §6.2.3.10: states are for subscriptions to changes
        if (!change && item.is_object() &&
            (item.contains("operationalState") || item.contains("usageState"))) {
          return bad_field("appPkgFilter", "only subscriptions to changes may filter by states");
        }
      }
      if (const auto ok = PackageEvents::check_filter(body); !ok)
        return std::unexpected(ok.error());
      return json{{"appPkgFilter", *given}};
    };
  }
  api.has_id = true;
  api.callback_member = "callbackUri";
  api.named_by = notify::NamedBy::kBoth;
  api.max_per_owner = limit;
  api.list = [](const std::string& self, const std::vector<notify::SubscriptionLink>& all) {
    auto links = json::array();
    for (const auto& [href, type] : all) {
      const auto word = std::ranges::find(kTypes, type, &TypeWord::word);
      const bool old = word != kTypes.end() && word->edition == Edition::k211;
      links.push_back({{"href", href}, {old ? "subsctiptionType" : "subscriptionType", type}});
    }
    return json{{"_links", {{"self", {{"href", self}}}, {"subscriptions", std::move(links)}}}};
  };
  return {std::move(site), std::move(api)};
}

http::Handlers package_subscription_handlers(const notify::SubscriptionResource& subscriptions) {
  auto out = subscriptions.handlers({.list = "listAppPkgSubscriptions",
                                     .create = "",
                                     .read = "getAppPkgSubscription",
                                     .replace = "",
                                     .remove = "deleteAppPkgSubscription"});
  out.emplace("createAppPkgSubscription", [subscriptions](const http::Request& given) {
    auto request = given;
    if (const auto word = request.json.find("subsctiptionType"); word != request.json.end()) {
      const auto type = *word;
      request.json.emplace("subscriptionType", type);  // unless it is there, too
      request.json.erase("subsctiptionType");
    }
    return subscriptions.create(request);
  });
  return out;
}

Result<void> PackageEvents::check_filter(const json& body) {
  auto filter = Filter::parse(body);
  if (!filter) return std::unexpected(filter.error());
  return {};
}

}  // namespace sluice::meao
