#include "upf-dataplane/worker/qsbr_reclaimer.h"

#include <rte_malloc.h>
#include <rte_rcu_qsbr.h>

#include <new>

namespace sluice::upf {

QsbrReclaimer::QsbrReclaimer(uint32_t workers)
    : qsbr_(static_cast<rte_rcu_qsbr*>(
          rte_zmalloc("qsbr", rte_rcu_qsbr_get_memsize(workers), RTE_CACHE_LINE_SIZE))) {
  if (qsbr_ == nullptr) throw std::bad_alloc();
  rte_rcu_qsbr_init(qsbr_, workers);
  for (uint32_t worker = 0; worker < workers; ++worker) {
    rte_rcu_qsbr_thread_register(qsbr_, worker);
  }
}

QsbrReclaimer::~QsbrReclaimer() {
  // Callbacks may retire more.
  while (!retired_.empty()) {
    auto next = std::move(retired_.front());
    retired_.pop_front();
    next.free();
  }
  rte_free(qsbr_);
}

void QsbrReclaimer::online(uint32_t worker) { rte_rcu_qsbr_thread_online(qsbr_, worker); }
void QsbrReclaimer::offline(uint32_t worker) { rte_rcu_qsbr_thread_offline(qsbr_, worker); }
void QsbrReclaimer::quiescent(uint32_t worker) { rte_rcu_qsbr_quiescent(qsbr_, worker); }

void QsbrReclaimer::retire(std::move_only_function<void()> free) {
  retired_.push_back({rte_rcu_qsbr_start(qsbr_), std::move(free)});
}

void QsbrReclaimer::reclaim() {
  while (!retired_.empty() && rte_rcu_qsbr_check(qsbr_, retired_.front().token, false) == 1) {
    auto next = std::move(retired_.front());
    retired_.pop_front();
    next.free();
  }
}

}  // namespace sluice::upf
