// The application descriptor of MEC 010-2 §6.2.1 (AppD) as a table, both editions.
#pragma once

#include "meao/package/shape.h"

namespace sluice::meao {

const Shape& appd_shape();

}  // namespace sluice::meao
