#include "base/store/store.h"

#include <atomic>
#include <condition_variable>
#include <future>
#include <mutex>
#include <thread>

#include "base/log.h"
#include "base/store/file.h"
#include "base/store/schema.h"
#include "base/store/writer.h"

namespace sluice::store {
namespace {

// Callers whose edits have run and who wait to be told.
struct Waiting {
  Store::Done done;
  Result<void> outcome;  // of the edit
};

struct Group {
  RowWrites rows;
  std::vector<Waiting> waiting;
};

}  // namespace

class Store::Impl {
 public:
  Impl(Schema schema, Writer writer, const Clock& clock, std::string source, Snapshot start)
      : schema_(std::move(schema)),
        writer_(std::move(writer)),
        clock_(clock),
        source_(std::move(source)),
        head_(start),
        revision_(start.revision()),
        published_(std::move(start)),
        published_revision_(revision_),
        thread_([this] { commit_until_stopped(); }) {}
  ~Impl() { close(); }

  void close() {
    if (!thread_.joinable()) return;
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    wake_.notify_one();
    thread_.join();
  }

  const std::string& source() const { return source_; }

  Snapshot snapshot() const {
    const std::lock_guard lock(published_mutex_);
    return published_;
  }

  uint64_t revision() const { return published_revision_; }

  void submit(const Edit& edit, Done done) {
    {
      std::unique_lock lock(mutex_);
      if (closed_) {
        lock.unlock();
        done(fail(ErrorCode::kUnavailable, "the platform is stopping"));
        return;
      }
      Transaction transaction(schema_, head_, revision_ + 1, clock_.wall());
      auto outcome = edit(transaction);
      if (outcome && transaction.error_) outcome = std::unexpected(*transaction.error_);
      pending_.waiting.push_back({std::move(done), std::move(outcome)});
      if (pending_.waiting.back().outcome && !transaction.writes_.empty()) {
        ++revision_;
        head_ = std::move(transaction.view_);
        for (auto& [key, row] : transaction.writes_) {
          pending_.rows.insert_or_assign(key, std::move(row));
        }
      }
    }
    wake_.notify_one();
  }

  void add_listener(Listener listener) {
    const std::lock_guard lock(mutex_);
    listeners_.push_back(std::move(listener));
  }

 private:
  void commit_until_stopped() {
    std::unique_lock lock(mutex_);
    for (;;) {
      wake_.wait(lock, [this] { return stopping_ || !pending_.waiting.empty(); });
      if (pending_.waiting.empty()) {
        closed_ = true;  // only now: what a `done` submits meanwhile is written too
        return;
      }
      auto group = std::exchange(pending_, {});
      const auto target = head_;
      const auto listeners = listeners_;
      lock.unlock();
      auto written = write(group, target, listeners);
      if (!written) {
        // Also what has come since was built on what failed.
        lock.lock();
        head_ = published_;
        auto late = std::exchange(pending_, {});
        lock.unlock();
        std::move(late.waiting.begin(), late.waiting.end(), std::back_inserter(group.waiting));
      }
      for (auto& [done, outcome] : group.waiting) done(written ? std::move(outcome) : written);
      group = {};  // what callers left in it ends outside the lock
      lock.lock();
    }
  }

  Result<void> write(const Group& group, const Snapshot& target,
                     const std::vector<Listener>& listeners) {
    if (group.rows.empty()) return {};
    if (auto written = writer_.write(group.rows, target.revision()); !written) {
      spdlog::error("store write failed reason=\"{}\"", written.error().to_string());
      // What SQLite says names our tables and files: for the log, not for a client.
      return fail(written.error().code, "the platform cannot store this; its log says why");
    }
    const auto before = snapshot();
    {
      const std::lock_guard lock(published_mutex_);
      published_ = target;
      published_revision_ = target.revision();
    }
    for (const auto& listener : listeners) listener(before, target);
    return {};
  }

  const Schema schema_;
  Writer writer_;  // of the commit thread
  const Clock& clock_;
  const std::string source_;

  std::mutex mutex_;  // of what follows; held while an edit runs
  std::condition_variable wake_;
  bool stopping_ = false;
  bool closed_ = false;  // nobody takes what is pending any more
  std::vector<Listener> listeners_;
  Snapshot head_;
  uint64_t revision_;  // last given to a change; one whose write failed does not return it
  Group pending_;

  mutable std::mutex published_mutex_;  // held for a pointer copy only
  Snapshot published_;                  // written by the commit thread alone
  std::atomic<uint64_t> published_revision_;

  std::thread thread_;  // last: it uses the others
};

Result<std::unique_ptr<Store>> Store::open(const std::string& path, Schema schema,
                                           const Clock& clock) {
  auto db = open_file(path);
  if (!db) return std::unexpected(db.error());
  if (auto ok = prepare_file(*db, schema, path); !ok) return std::unexpected(ok.error());
  auto content = std::make_shared<Snapshot::Content>();
  std::vector<std::string> names;
  for (const auto& entry : schema.entries_) {
    auto table = schema.load(*db, entry);
    if (!table) return fail(ErrorCode::kInternal, "{}: {}", path, table.error().message);
    content->tables.push_back(std::move(*table));
    names.push_back(entry.name);
  }
  const auto revision =
      db->single_integer("SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'revision'");
  if (!revision) return std::unexpected(revision.error());
  content->revision = static_cast<uint64_t>(*revision);
  auto source = db->single_text("SELECT value FROM meta WHERE key = 'source'");
  if (!source) return std::unexpected(source.error());
  auto writer = Writer::prepare(std::move(*db), names);
  if (!writer) return fail(writer.error().code, "{}: {}", path, writer.error().message);
  return std::unique_ptr<Store>(
      new Store(std::make_unique<Impl>(std::move(schema), std::move(*writer), clock,
                                       std::move(*source), Snapshot(std::move(content)))));
}

Store::Store(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Store::~Store() = default;
void Store::close() { impl_->close(); }

const std::string& Store::source() const { return impl_->source(); }
Snapshot Store::snapshot() const { return impl_->snapshot(); }
uint64_t Store::revision() const { return impl_->revision(); }
void Store::submit(const Edit& edit, Done done) { impl_->submit(edit, std::move(done)); }
void Store::add_listener(Listener listener) { impl_->add_listener(std::move(listener)); }

Result<void> Store::change(const Edit& edit) {
  std::promise<Result<void>> outcome;
  auto future = outcome.get_future();
  impl_->submit(edit, [&outcome](Result<void> result) { outcome.set_value(std::move(result)); });
  return future.get();
}

}  // namespace sluice::store
