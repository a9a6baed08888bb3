// Precompiled for the libraries that speak JSON.
#include <spdlog/spdlog.h>

#include <nlohmann/json.hpp>

#include "scripts/lib_pch.h"
