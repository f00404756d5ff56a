#include <sluice/kernels/shared/optimizer_checks.h>

namespace sluice {

void check_optimizer_inputs(const Op& op, int groups, int parameters, int scalars, std::span<const ValueSpec> inputs) {
  const auto at = [&](int i) -> const ValueSpec& { return inputs[static_cast<std::size_t>(i)]; };
  const auto fits = [](const ValueSpec& v, const Shape& shape) {
    return !v.is_sample() && v.dtype == DType::f32 && v.shape == shape;
  };
  for (int i = 0; i < groups * parameters; ++i) {
    if (fits(at(i), at(i % parameters).shape)) continue;
    const ValueSpec pair[] = {at(i % parameters), at(i)};
    throw_shape_error(op,
                      "value " + std::to_string(i / parameters) + " of parameter " + std::to_string(i % parameters) +
                          " does not fit it",
                      "p,value", pair, "f32 batch values of the parameter's shape");
  }
  for (int i = groups * parameters; i < groups * parameters + scalars; ++i)
    if (!fits(at(i), {}))
      throw_shape_error(op, "a coefficient is no number", "scalar", inputs.subspan(static_cast<std::size_t>(i), 1),
                        "f32 batch scalars");
}

std::vector<int> optimizer_mutates(int groups, int parameters, bool clear_gradients) {
  std::vector<int> inputs;
  for (int i = 0; i < groups * parameters; ++i)
    if (clear_gradients || i / parameters != 1) inputs.push_back(i);
  return inputs;
}

std::vector<int> optimizer_clears(int parameters, bool clear_gradients) {
  std::vector<int> inputs;
  for (int i = 0; clear_gradients && i < parameters; ++i) inputs.push_back(parameters + i);
  return inputs;
}

}  // namespace sluice
