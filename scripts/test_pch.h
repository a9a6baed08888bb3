// Precompiled for every unit test: the headers that all of them pay for.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>
