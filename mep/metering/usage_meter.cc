#include "mep/metering/usage_meter.h"

#include <algorithm>

#include "auth/token_service.h"

namespace sluice::mep {
namespace {

int64_t unix_ms(std::chrono::system_clock::time_point time) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count();
}

}  // namespace

int64_t UsageMeter::now_ms() const { return unix_ms(clock_.wall()); }

UsageRecord& UsageMeter::Counted::of(const Key& key) {
  if (const auto known = counts.find(key); known != counts.end()) return *known->second;
  auto record = std::make_unique<UsageRecord>();
  record->app_instance_id = key.app;
  record->operation = key.operation;
  record->status = key.status;
  record->first_ms = INT64_MAX;
  auto& out = *record;
  counts.emplace(Key{out.app_instance_id, out.operation, out.status}, std::move(record));
  return out;
}

void UsageMeter::count(const http::Call& call, const http::Response& reply) {
  if (!call.principal) return;
  const auto app = auth::app_instance_of(*call.principal);
  if (!app) return;
  const auto now = now_ms();
  const std::lock_guard lock(counted_->mutex);
  auto& record = counted_->of({*app, call.operation_id, reply.status});
  ++record.calls;
  record.request_bytes += call.request_bytes;
  record.response_bytes += reply.length();
  record.first_ms = std::min(record.first_ms, now);
  record.last_ms = std::max(record.last_ms, now);
}

UsageState UsageMeter::state(const store::Snapshot& now) const {
  const auto* stored = now.find(collections_.state, kUsageState);
  return stored == nullptr ? UsageState{} : stored->value;
}

bool UsageMeter::is_due(const store::Snapshot& now) const {
  return !now.of(collections_.open).empty() &&
         now_ms() - state(now).opened_ms >= std::chrono::milliseconds(options_.interval).count();
}

void UsageMeter::flush() {
  auto taken = std::make_shared<Counts>();
  {
    const std::lock_guard lock(counted_->mutex);
    taken->swap(counted_->counts);
  }
  const auto& counts = *taken;
  if (counts.empty() && !is_due(store_.snapshot())) return;
  store_.submit(
      [&](store::Transaction& transaction) -> Result<void> {
        store_counts(transaction, counts);
        if (is_due(transaction.view())) close_interval(transaction);
        return {};
      },
      [counted = counted_, taken](const Result<void>& done) {
        if (done) return;
        const std::lock_guard lock(counted->mutex);
        for (const auto& [key, record] : *taken) counted->of(key) += *record;
      });
}

void UsageMeter::store_counts(store::Transaction& transaction, const Counts& counts) const {
  auto state = this->state(transaction.view());
  const auto before = state;
  if (transaction.view().of(collections_.open).empty()) state.opened_ms = INT64_MAX;
  for (const auto& [by, record] : counts) {
    const auto& open = transaction.view().of(collections_.open);
    const auto key = record->key();
    const auto* known = open.find(key);
    if (known == nullptr && state.waiting_records + open.size() >= options_.max_records) {
      state.lost_calls += record->calls;
      continue;
    }
    state.opened_ms = std::min(state.opened_ms, record->first_ms);
    auto sum = *record;
    if (known != nullptr) sum += known->value;
    transaction.put(collections_.open, key, std::move(sum));
  }
  if (state.opened_ms == INT64_MAX) state.opened_ms = before.opened_ms;
  if (state.opened_ms != before.opened_ms || state.lost_calls != before.lost_calls) {
    transaction.put(collections_.state, kUsageState, state);
  }
}

void UsageMeter::close_interval(store::Transaction& transaction) const {
  const auto rows = transaction.view().of(collections_.open);
  auto state = this->state(transaction.view());
  const auto now = unix_ms(transaction.now());
  auto row = rows.begin();
  while (row != rows.end()) {
    UsageBatch batch{
        state.next_sequence++, state.opened_ms, now, std::exchange(state.lost_calls, 0), {}};
    for (; row != rows.end() && batch.records.size() < kMaxBatchRecords; ++row) {
      batch.records.push_back(row->second.value);
      transaction.erase(collections_.open, row->first);
    }
    state.waiting_records += batch.records.size();
    auto id = batch_id(batch.sequence);
    transaction.put(collections_.batches, std::move(id), std::move(batch));
  }
  transaction.put(collections_.state, kUsageState, state);
}

std::optional<store::Stored<UsageBatch>> UsageMeter::next() const {
  const auto now = store_.snapshot();
  const auto& batches = now.of(collections_.batches);
  if (batches.empty()) return std::nullopt;
  return batches.begin()->second;
}

void UsageMeter::acknowledge(uint64_t sequence, store::Store::Done done) {
  store_.submit(
      [&](store::Transaction& transaction) -> Result<void> {
        const auto& batches = transaction.view().of(collections_.batches);
        auto state = this->state(transaction.view());
        if (sequence == 0 || sequence >= state.next_sequence) {
          return fail(ErrorCode::kNotFound, "there is no batch {}", sequence);
        }
        if (batches.empty() || batches.begin()->second.value.sequence > sequence) return {};
        const auto& oldest = batches.begin()->second.value;
        if (oldest.sequence < sequence) {
          return fail(ErrorCode::kConflict, "batch {} comes first", oldest.sequence);
        }
        state.waiting_records -= std::min(state.waiting_records, oldest.records.size());
        transaction.put(collections_.state, kUsageState, state);
        transaction.erase(collections_.batches, batch_id(sequence));
        return {};
      },
      std::move(done));
}

}  // namespace sluice::mep
