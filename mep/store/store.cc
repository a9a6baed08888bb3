#include "mep/store/store.h"

#include "auth/secret.h"

namespace sluice::mep {

Store::Store(store::Store& base, const Records& records)
    : base_(base),
      origin_(std::make_shared<const State::Origin>(
          State::Origin{records, base.source() + "/" + auth::new_secret().substr(0, 16)})) {}

void Store::raise_generation(store::Transaction& change) const {
  const auto& counters = origin_->records.counters;
  change.put(counters, State::kGeneration, State(origin_, change.view()).generation() + 1);
}

store::Store::Edit Store::on_transaction(const Edit& edit) const {
  return [this, &edit](store::Transaction& transaction) -> Result<void> {
    Draft draft(transaction, origin_);
    if (auto ok = edit(draft); !ok) return ok;
    draft.finish();
    return {};
  };
}

}  // namespace sluice::mep
