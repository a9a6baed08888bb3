// A program's memory on disk: typed collections, changed by transactions. What was acknowledged
// survives a crash of the process and of the machine; readers never wait for writers, and writers
// that come at the same time share one sync of the disk (group commit):
//
//   submit() ── edit runs at once on the head, one after the other ──▶ pending
//                                                                       │ commit thread: all that
//                                                                       is
//   snapshot() ◀── published ◀── one SQLite transaction, synced ◀───────┘ pending together
//                       └─▶ listeners, then done(...) of each
//
// The head is ahead of what is durable, so that a change may build on another that is still being
// written; it is told its own outcome only after that one's. When a write fails, all that is
// pending fails with it and the head goes back to what is published.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/error.h"
#include "base/store/snapshot.h"
#include "base/store/transaction.h"

namespace sluice::store {

class Schema;

class Store {
 public:
  // Opens or creates the file, and its directory (0700). kUnavailable when another process uses the
  // file, kUnsupported when a newer version wrote it, kInternal when it is damaged. `clock` must
  // outlive the store.
  static Result<std::unique_ptr<Store>> open(const std::string& path, Schema schema,
                                             const Clock& clock);
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;
  // Writes what is pending first. No other member may run any more.
  ~Store();

  // Writes what is pending, tells everybody and ends the commit thread: no listener and no `done`
  // of what was submitted before runs once this has returned. Later changes fail with kUnavailable
  // and their edits do not run. Not from the commit thread; a second time it does nothing.
  void close();

  // Random, made with the file: a copy of the file has the same.
  const std::string& source() const;

  // The last durable state. From any thread; never waits for a write.
  Snapshot snapshot() const;
  // Of that state: snapshot().revision().
  uint64_t revision() const;

  // Looks at the store and changes it through the transaction. An error undoes what it did. Edits
  // exclude each other, so keep them short; one must not call change() or submit().
  using Edit = std::function<Result<void>(Transaction&)>;
  using Done = std::function<void(Result<void>)>;

  // Runs `edit` and returns when what it did is durable and listeners have been told, or with the
  // error of the edit or the write, when nothing changed. From any thread but the commit thread
  // (that of listeners and `done`).
  Result<void> change(const Edit& edit);

  // The same without waiting: `edit` has run when this returns, `done` is called once, on the
  // commit thread, in the order of submission; it must not block. What `edit` throws comes out
  // here, nothing changed and `done` not called. After close() `done` is called in here. From any
  // thread.
  void submit(const Edit& edit, Done done);

  // Told of durable changes, in order, on the commit thread; must not block. `after` may hold
  // several changes more than `before`. May be added while changes are made, but not by one; hears
  // of those that are submitted from then on.
  using Listener = std::function<void(const Snapshot& before, const Snapshot& after)>;
  void add_listener(Listener listener);

 private:
  class Impl;
  explicit Store(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace sluice::store
