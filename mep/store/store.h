// The apps' part of the store, as the parts of the platform that deal with apps see it. The base
// store under it, one for the whole platform, is opened in platform.cc.
#pragma once

#include <functional>
#include <memory>

#include "base/store/store.h"
#include "mep/store/draft.h"
#include "mep/store/state.h"

namespace sluice::mep {

class Store {
 public:
  // `records` are those of the schema that `base` was opened with, which must outlive this.
  Store(store::Store& base, const Records& records);

  // For what concerns other collections alone.
  store::Store& base() const { return base_; }

  // The state after the last acknowledged change. From any thread; never blocks on a write.
  State snapshot() const { return {origin_, base_.snapshot()}; }
  // The same of a snapshot of the base store.
  State state_of(store::Snapshot snapshot) const { return {origin_, std::move(snapshot)}; }

  // Part of a change, in other collections, of what the user plane should have: it is told.
  void raise_generation(store::Transaction& change) const;

  // As those of store::Store.
  using Edit = std::function<Result<void>(Draft&)>;
  Result<void> change(const Edit& edit) { return base_.change(on_transaction(edit)); }
  void submit(const Edit& edit, store::Store::Done done) {
    base_.submit(on_transaction(edit), std::move(done));
  }

 private:
  store::Store::Edit on_transaction(const Edit& edit) const;

  store::Store& base_;
  std::shared_ptr<const State::Origin> origin_;
};

}  // namespace sluice::mep
