// Precompiled for the unit tests: the headers that most of them pay for.
#include <fmt/format.h>

#include <map>
#include <memory>
#include <nlohmann/json.hpp>

#include "scripts/test_pch.h"
