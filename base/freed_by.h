// What a C library gives out, freed by a function of that library.
#pragma once

#include <memory>

namespace sluice {

// std::unique_ptr<BIO, FreedBy<BIO_free>>
template <auto kFree>
struct FreedBy {
  template <typename T>
  void operator()(T* object) const {
    kFree(object);
  }
};

}  // namespace sluice
