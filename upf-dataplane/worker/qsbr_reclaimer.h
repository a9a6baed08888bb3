// Reclaims under rte_rcu_qsbr: every worker reports when it holds no reference.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>

#include "base/error.h"
#include "upf-dataplane/session/reclaimer.h"

struct rte_rcu_qsbr;

namespace sluice::upf {

class QsbrReclaimer final : public Reclaimer {
 public:
  // For workers 0 to `workers` - 1; each must go online before it reads anything shared.
  explicit QsbrReclaimer(uint32_t workers);
  QsbrReclaimer(const QsbrReclaimer&) = delete;
  QsbrReclaimer& operator=(const QsbrReclaimer&) = delete;
  ~QsbrReclaimer() override;  // frees what is left; no worker may be online

  // --- worker `worker` ---
  void online(uint32_t worker);
  void offline(uint32_t worker);
  void quiescent(uint32_t worker);

  // --- control thread ---
  void retire(std::move_only_function<void()> free) override;
  // Frees what no worker can hold any more.
  void reclaim();
  size_t pending() const { return retired_.size(); }

 private:
  struct Retired {
    uint64_t token;
    std::move_only_function<void()> free;
  };

  rte_rcu_qsbr* qsbr_;
  std::deque<Retired> retired_;  // ascending tokens
};

}  // namespace sluice::upf
