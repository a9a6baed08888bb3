// The application descriptor of MEC 010-2 §6.2.1 (AppD) as a table, both editions.
#pragma once

#include "app-package/shape.h"

namespace sluice::app_package {

const Shape& appd_shape();

}  // namespace sluice::app_package
