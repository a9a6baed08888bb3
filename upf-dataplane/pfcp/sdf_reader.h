// From SDF Filter elements to filters of the session model.
#pragma once

#include <cstdint>
#include <map>

#include "upf-dataplane/pfcp/values.h"

namespace sluice::upf::pfcp {

// Reads the filters of one request in order. §8.2.5: an SDF Filter ID (BID) names one filter of the
// session. The first element gives id and content, later ones may give only the id; giving new
// content in a later request changes the filter in every PDR that has it.
class SdfReader {
 public:
  // `spec` is the session as it is to become; it must outlive the reader.
  explicit SdfReader(SessionSpec& spec) : spec_(spec) {}

  // Refuses what is malformed, a filter without content, an id that nothing defined, and two
  // definitions of an id in one request.
  Read<SdfFilter> read(const SdfFilterValue& value);

 private:
  Read<SdfFilter> refer_to(uint32_t filter_id) const;
  Read<SdfFilter> define(SdfFilter filter);

  SessionSpec& spec_;
  std::map<uint32_t, SdfFilter> defined_;  // by this request
};

}  // namespace sluice::upf::pfcp
