// From SDF Filter elements to filters of the session model.
#pragma once

#include <cstdint>
#include <map>

#include "upf-dataplane/pfcp/ie.h"
#include "upf-dataplane/pfcp/values.h"

namespace sluice::upf::pfcp {

// Reads the filters of one request. §8.2.5: an SDF Filter ID (BID) names one filter of the session.
// One element gives id and content, others may give only the id; giving new content in a later
// request changes the filter in every PDR that has it.
class SdfReader {
 public:
  // `spec` is the session as it is to become; it must outlive the reader.
  explicit SdfReader(SessionSpec& spec) : spec_(spec) {}

  // Learns the filters that a Create or Update PDR defines, so that an element before it in the
  // request may refer to them. What is wrong with them is told when they are read.
  void announce(const Ie& pdr);

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
