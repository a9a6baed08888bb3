// The "Name: value" text of TOSCA.meta and of manifests (TOSCA Simple Profile §6.2, SOL004 §4.3.2).
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace sluice::app_package {

struct KeyValue {
  std::string key;
  std::string value;
  int line = 0;         // from 1
  bool nested = false;  // the line is indented: it belongs to the last key that is not
};

// The lines with a key, in their order, with "\n" or "\r\n" at their ends; empty lines and comments
// ("#") are left out. A line without ":" has its whole text as key and the value is empty.
std::vector<KeyValue> read_key_values(std::string_view text);

}  // namespace sluice::app_package
