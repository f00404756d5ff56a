#pragma once

#include <utility>

#include <sluice/core/parameter.h>
#include <sluice/layers/init.h>

namespace sluice {

/// A trainable f32 parameter whose first values `init` will make.
inline Parameter make_parameter(const Shape& shape, Initializer init) {
  Parameter parameter{Tensor(shape)};
  parameter.data()->initializer = std::move(init);
  return parameter;
}

}  // namespace sluice
