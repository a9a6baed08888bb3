// The applications that SMFs describe by packet flows (PFD management, TS 29.244 §5.11.3, §6.2.5),
// for PDRs that name one. What they have in common with SDF filters is all that is offered: URLs
// and domain names would have to be read from inside of encrypted flows, and are refused.
#pragma once

#include <expected>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "upf-dataplane/pfcp/group_reader.h"
#include "upf-dataplane/session/model.h"

namespace sluice::upf::pfcp {

class PfdStore {
 public:
  static constexpr size_t kMostApplications = 1024;
  static constexpr size_t kMostFlows = 64;  // of an application

  // Carries out a PFD Management Request (§7.4.3.1), all or nothing; what is wrong is left in it.
  // Returns the applications whose flows have changed.
  std::set<std::string> manage(GroupReader& request);

  // Nullptr when nobody described it.
  const std::vector<SdfFilter>* find(const std::string& application) const;
  // As find(); for an application that has been removed since, what matches nothing.
  std::vector<SdfFilter> filters(const std::string& application) const;

  size_t size() const { return applications_.size(); }

 private:
  std::map<std::string, std::vector<SdfFilter>> applications_;
};

}  // namespace sluice::upf::pfcp
