#include "upf-dataplane/pfcp/pfd_store.h"

#include <fmt/format.h>

#include "upf-dataplane/pfcp/ip_filter_rule.h"
#include "upf-dataplane/pfcp/pfd_values.h"

namespace sluice::upf::pfcp {
namespace {

// Adds the flows of one PFD Contents element.
void read_contents(GroupReader& in, const PfdContents& contents, std::vector<SdfFilter>& flows) {
  if (contents.wants_inspection) {
    return in.refuse(Cause::kServiceNotSupported, IeType::kPfdContents,
                     "only flow descriptions are compared, no URLs, names or custom contents");
  }
  if (contents.flows.empty()) {
    return in.refuse(Cause::kMandatoryIeIncorrect, IeType::kPfdContents, "describes nothing");
  }
  for (const std::string& text : contents.flows) {
    auto filter = parse_ip_filter_rule(text);
    if (!filter) {
      return in.refuse(Cause::kMandatoryIeIncorrect, IeType::kPfdContents,
                       filter.error().to_string());
    }
    flows.push_back(*std::move(filter));
  }
}

// One Application ID's PFDs, which take the place of all that the application had.
void read_application(const Ie& group, std::map<std::string, std::vector<SdfFilter>>& applications,
                      std::set<std::string>& named, GroupReader& request) {
  GroupReader in(group.children);
  const auto id = in.required<ApplicationId>();
  std::vector<SdfFilter> flows;
  const auto contexts = in.groups(IeType::kPfdContext);
  for (const Ie* context : contexts) {
    GroupReader inner(context->children);
    for (const auto& contents : inner.each<PfdContents>()) read_contents(inner, contents, flows);
    if (auto rejection = inner.finish()) return request.refuse(*std::move(rejection));
  }
  if (!in.failed() && flows.size() > PfdStore::kMostFlows) {
    in.refuse(Cause::kNoResourcesAvailable, IeType::kPfdContext,
              fmt::format("more than {} flows of an application", PfdStore::kMostFlows));
  }
  if (auto rejection = in.finish()) return request.refuse(*std::move(rejection));
  named.insert(id.name);
  if (flows.empty()) {
    applications.erase(id.name);
  } else {
    applications[id.name] = std::move(flows);
  }
}

}  // namespace

std::set<std::string> PfdStore::manage(GroupReader& request) {
  auto next = applications_;
  std::set<std::string> named;
  const auto groups = request.groups(IeType::kApplicationIdPfds);
  if (groups.empty()) next.clear();
  for (const Ie* group : groups) {
    if (!request.failed()) read_application(*group, next, named, request);
  }
  if (!request.failed() && next.size() > kMostApplications) {
    request.refuse(Cause::kNoResourcesAvailable, IeType::kApplicationIdPfds,
                   fmt::format("more than {} applications", kMostApplications));
  }
  if (request.finish()) return {};
  if (groups.empty()) {
    for (const auto& [name, flows] : applications_) named.insert(name);
  }
  applications_ = std::move(next);
  return named;
}

const std::vector<SdfFilter>* PfdStore::find(const std::string& application) const {
  const auto found = applications_.find(application);
  return found == applications_.end() ? nullptr : &found->second;
}

std::vector<SdfFilter> PfdStore::filters(const std::string& application) const {
  if (const auto* known = find(application)) return *known;
  constexpr PortRange kNoPort{1, 0};
  return {SdfFilter{.remote_ports = {kNoPort}}};
}

}  // namespace sluice::upf::pfcp
