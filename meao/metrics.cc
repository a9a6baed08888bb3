#include "meao/metrics.h"

#include <array>

#include "base/metrics/families.h"

namespace sluice::meao {

std::vector<prometheus::MetricFamily> CatalogueMetrics::Collect() const {
  std::array<size_t, 4> states{};
  size_t enabled = 0;
  uint64_t octets = 0;
  const auto state = catalogue_.store().snapshot();
  for (const auto& [id, stored] : state.of(catalogue_.records().packages)) {
    ++states.at(static_cast<size_t>(stored.value.state));
    enabled += stored.value.enabled ? 1 : 0;
    octets += stored.value.state == OnboardingState::kOnboarded ? stored.value.size.value_or(0) : 0;
  }
  MetricFamilies out;
  auto packages = out.gauge("sluice_meao_packages", "App packages by onboarding state");
  for (size_t i = 0; i < states.size(); ++i) {
    packages.add({{"state", std::string(to_string(static_cast<OnboardingState>(i)))}},
                 static_cast<double>(states.at(i)));
  }
  out.gauge("sluice_meao_packages_enabled", "App packages that may be instantiated")
      .add(static_cast<double>(enabled));
  out.gauge("sluice_meao_package_bytes", "Contents of onboarded app packages")
      .add(static_cast<double>(octets));
  out.counter("sluice_meao_package_obstacles_total",
              "Times that a package had to wait for a disk, the store or the files of the trust")
      .add(static_cast<double>(catalogue_.obstacles()));
  return out.release();
}

}  // namespace sluice::meao
