#pragma once

#include <sluice/kernels/shared/relu_functors.h>

namespace sluice {

struct AddReluFunctor {
  template <class T>
  SLUICE_HOST_DEVICE T operator()(T a, T b) const {
    return ReluFunctor{}(a + b);
  }
};

}  // namespace sluice
