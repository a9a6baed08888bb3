// How much memory replies may take that wait for clients to read them, all connections of a
// transport together.
//
// Most of it is shared by those who owe much: each may owe an eighth of what is free, so that the
// more they are the less each gets, and they never get the last eighth of all. That is the reserve,
// for clients who owe little and read. Only when the whole is used up is a request refused that
// owes nothing; before, the worker ends those connections that have owed the most for a while.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>

namespace sluice::http {

// All members may be called by several threads at a time. Each thread may go beyond the capacity by
// what it is about to write: an answer of the kind that a change of a resource has, always sent.
class ReplyBudget {
 public:
  // Octets that a connection may owe at any time, as long as anything is free.
  static constexpr size_t kLittle = 128 * 1024;

  explicit ReplyBudget(size_t capacity) : capacity_(capacity) {}

  size_t owed() const { return owed_; }
  size_t free() const {
    const size_t owed = owed_;
    return owed < capacity_ ? capacity_ - owed : 0;
  }
  // The reserve is touched.
  bool is_short() const { return free() < reserve(); }
  // What a connection may owe before it has to read.
  size_t share() const {
    const size_t left = free();
    return std::max(left > reserve() ? (left - reserve()) / 8 : 0, std::min(left, kLittle));
  }

 private:
  friend class ReplyAccount;
  size_t reserve() const { return capacity_ / 8; }

  const size_t capacity_;
  std::atomic<size_t> owed_{0};
};

// What one connection owes, as part of a budget. Counted in steps, so that the common exchange of a
// request and a reply seldom touches what threads share.
class ReplyAccount {
 public:
  // Null: nothing is counted. The budget must outlive it.
  explicit ReplyAccount(ReplyBudget* budget) : budget_(budget) {}
  ~ReplyAccount() { set(0); }
  ReplyAccount(const ReplyAccount&) = delete;
  ReplyAccount& operator=(const ReplyAccount&) = delete;

  void set(size_t owed) {
    if (!budget_ || (owed <= counted_ && counted_ - owed < 2 * kStep && owed != 0)) return;
    const size_t next = (owed + kStep - 1) / kStep * kStep;
    if (next > counted_) budget_->owed_ += next - counted_;
    if (next < counted_) budget_->owed_ -= counted_ - next;
    counted_ = next;
  }

 private:
  static constexpr size_t kStep = 16 * 1024;

  ReplyBudget* budget_;
  size_t counted_ = 0;
};

}  // namespace sluice::http
