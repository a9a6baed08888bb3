// What every unit test includes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>
