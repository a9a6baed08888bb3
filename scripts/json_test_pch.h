// Precompiled for the unit tests of what speaks JSON.
#include <nlohmann/json.hpp>

#include "scripts/test_pch.h"
