#pragma once

#include <utility>

#include <sluice/core/host_memory.h>
#include <sluice/core/parameter.h>
#include <sluice/layers/init.h>

namespace sluice {

/// Makes a trainable f32 parameter, which `init` will initialise; an empty `init` is init::none(). Throws
/// OutOfHostMemory.
inline Parameter make_parameter(const Shape& shape, Initializer init) {
  Parameter parameter = host_memory_for("a parameter " + shape.str(), bytes_of(DType::f32, shape.elements()),
                                        [&] { return Parameter(Tensor(shape)); });
  parameter.data()->initializer = init ? std::move(init) : init::none();
  return parameter;
}

/// Makes a buffer: state of a layer that is not trained. Its first values are all `value`.
inline Parameter make_buffer(const Shape& shape, double value) {
  Parameter buffer = make_parameter(shape, init::constant(value));
  buffer.data()->buffer = true;
  buffer.data()->trainable = false;
  return buffer;
}

}  // namespace sluice
