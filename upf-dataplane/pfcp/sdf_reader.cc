#include "upf-dataplane/pfcp/sdf_reader.h"

#include <fmt/format.h>

#include "upf-dataplane/pfcp/ie_access.h"
#include "upf-dataplane/pfcp/ip_filter_rule.h"
#include "upf-dataplane/pfcp/value_reader.h"

namespace sluice::upf::pfcp {
namespace {

bool has_content(const SdfFilterValue& value) {
  return value.flow_description || value.tos || value.spi || value.flow_label;
}

Read<SdfFilter> read_content(const SdfFilterValue& value) {
  SdfFilter filter;
  if (value.flow_description) {
    auto parsed = parse_ip_filter_rule(*value.flow_description);
    if (!parsed) return incorrect(parsed.error().to_string());
    filter = *std::move(parsed);
  }
  if (value.tos) {
    const auto wanted = static_cast<uint8_t>(*value.tos >> 8);
    filter.tos_mask = static_cast<uint8_t>(*value.tos);
    if ((wanted & ~filter.tos_mask) != 0) {
      return incorrect(
          fmt::format("ToS {:#04x} lies outside its mask {:#04x}", wanted, filter.tos_mask));
    }
    filter.tos_value = wanted;
  }
  filter.spi = value.spi;
  filter.flow_label = value.flow_label;
  filter.filter_id = value.filter_id;
  return filter;
}

// Calls `visit` with every filter of the session that has the id.
template <typename Spec, typename Visitor>
void for_each_filter(Spec& spec, uint32_t filter_id, Visitor visit) {
  for (auto& [id, pdr] : spec.pdrs) {
    for (auto& filter : pdr.sdf) {
      if (filter.filter_id == filter_id) visit(filter);
    }
  }
}

}  // namespace

void SdfReader::announce(const Ie& pdr) {
  const Ie* pdi = find(pdr.children, IeType::kPdi);
  if (pdi == nullptr) return;
  for (const Ie& element : all(pdi->children, IeType::kSdfFilter)) {
    const auto value = IeCodec<SdfFilterValue>::read(element.value);
    if (!value || !value->filter_id || !has_content(*value)) continue;
    if (const auto filter = read_content(*value)) defined_.emplace(*value->filter_id, *filter);
  }
}

Read<SdfFilter> SdfReader::read(const SdfFilterValue& value) {
  if (!has_content(value)) {
    if (value.filter_id) return refer_to(*value.filter_id);
    return incorrect("an SDF filter without any content");
  }
  auto filter = read_content(value);
  if (!filter || !filter->filter_id) return filter;
  return define(*std::move(filter));
}

Read<SdfFilter> SdfReader::refer_to(uint32_t filter_id) const {
  if (const auto found = defined_.find(filter_id); found != defined_.end()) return found->second;
  const SdfFilter* earlier = nullptr;
  for_each_filter(spec_, filter_id, [&](const SdfFilter& filter) { earlier = &filter; });
  if (earlier == nullptr) return incorrect(fmt::format("no filter has the id {}", filter_id));
  return *earlier;
}

Read<SdfFilter> SdfReader::define(SdfFilter filter) {
  const uint32_t filter_id = *filter.filter_id;
  const auto [entry, is_new] = defined_.emplace(filter_id, filter);
  if (!is_new && entry->second != filter) {
    return incorrect(fmt::format("the id {} is given to two filters", filter_id));
  }
  for_each_filter(spec_, filter_id, [&](SdfFilter& other) { other = filter; });
  return filter;
}

}  // namespace sluice::upf::pfcp
