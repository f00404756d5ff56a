#pragma once

#include <sluice/core/host_device.h>

namespace sluice {

struct AddFunctor {
  template <class T>
  SLUICE_HOST_DEVICE T operator()(T a, T b) const {
    return a + b;
  }
};

struct SubFunctor {
  template <class T>
  SLUICE_HOST_DEVICE T operator()(T a, T b) const {
    return a - b;
  }
};

struct MulFunctor {
  template <class T>
  SLUICE_HOST_DEVICE T operator()(T a, T b) const {
    return a * b;
  }
};

struct DivFunctor {
  template <class T>
  SLUICE_HOST_DEVICE T operator()(T a, T b) const {
    return a / b;
  }
};

struct ScaleFunctor {
  double factor = 1;

  template <class T>
  SLUICE_HOST_DEVICE T operator()(T x) const {
    return x * static_cast<T>(factor);
  }
};

}  // namespace sluice
