#include "upf-dataplane/pfcp/load_control.h"

#include <algorithm>

#include "upf-dataplane/pfcp/ie_access.h"

namespace sluice::upf::pfcp {
namespace {

// A percent more or less is not worth telling.
constexpr unsigned kStep = 5;
// At 100 %: modifications and deletions still have to get through.
constexpr unsigned kMostReduction = 50;

}  // namespace

void LoadControl::set(unsigned percent) {
  percent = std::min(percent, 100U) / kStep * kStep;
  if (percent == load_) return;
  load_ = percent;
  ++load_sequence_;
  const unsigned reduction =
      percent < kOverloadedFrom
          ? 0
          : kMostReduction * (percent - kOverloadedFrom + kStep) / (100 - kOverloadedFrom + kStep);
  if (reduction == reduction_) return;
  reduction_ = reduction;
  ++overload_sequence_;
}

std::vector<Ie> LoadControl::tell(const CpFunctionFeatures& features, ToldLoad& told) const {
  std::vector<Ie> ies;
  if (features.has(CpFunctionFeatures::kLoadControl) && told.load != load_sequence_) {
    told.load = load_sequence_;
    ies.push_back(
        group(IeType::kLoadControlInformation,
              {ie(SequenceNumber{load_sequence_}), ie(Metric{static_cast<uint8_t>(load_)})}));
  }
  const bool has_news = reduction_ > 0 || told.overload != overload_sequence_;
  if (features.has(CpFunctionFeatures::kOverloadControl) && has_news) {
    told.overload = overload_sequence_;
    ies.push_back(group(IeType::kOverloadControlInformation,
                        {ie(SequenceNumber{overload_sequence_}),
                         ie(Metric{static_cast<uint8_t>(reduction_)}), ie(Timer{kValidity})}));
  }
  return ies;
}

}  // namespace sluice::upf::pfcp
