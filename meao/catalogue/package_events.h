// Who is told what of packages (MEC 010-2 §6.2.3.4 to §6.2.3.10).
#pragma once

#include <string>

#include "meao/catalogue/package_record.h"
#include "notify/subscription_index.h"
#include "notify/subscription_resource.h"

namespace sluice::meao {

enum class PackageEvent : uint8_t { kOnboarded, kEnabled, kDisabled, kDeleted };

class PackageEvents {
 public:
  // `outbox` must outlive it.
  PackageEvents(const notify::Outbox& outbox, CatalogueRecords records, std::string public_uri);

  // Queues the notifications, each in the words of its subscription's edition, within the change
  // that makes the record what it is (kDeleted: what it was).
  void announce(store::Transaction& change, PackageEvent event, const PackageRecord& record);

  // Of the body of a subscription: kInvalidArgument for an appPkgFilter that is none.
  static Result<void> check_filter(const nlohmann::json& body);

 private:
  struct Filter;
  using Index = notify::SubscriptionIndex<std::shared_ptr<const Filter>>;

  const notify::Outbox& outbox_;
  const CatalogueRecords records_;
  const std::string public_uri_;
  std::map<std::string, std::unique_ptr<Index>, std::less<>> by_type_;
};

// The subscriptions of the API, for `site`. At most `limit` of one client.
notify::SubscriptionResource package_subscriptions(notify::SubscriptionSite site, size_t limit);
// Its handlers; the misspelt members of edition 2.1.1 are read like the others.
http::Handlers package_subscription_handlers(const notify::SubscriptionResource& subscriptions);

}  // namespace sluice::meao
