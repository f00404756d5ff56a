#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <iosfwd>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <sluice/layers/module.h>

namespace sluice {

/// One layer of a model, as traced.
struct SummaryRow {
  std::string layer;                 ///< path in the model, "features.0"; empty for nodes of the root
  std::string module;                ///< Module::str()
  Shape output;                      ///< of its last node, per sample
  std::int64_t parameters = 0;       ///< elements; buffers do not count
  double flops = 0;                  ///< multiply-adds × 2 of one sample, forward
  std::size_t activation_bytes = 0;  ///< bytes per sample that it writes to new memory (not in place, no view)
};

/// A model layer by layer, with totals. A shared parameter counts once, in its first layer.
struct Summary {
  std::vector<SummaryRow> rows;
  std::vector<Shape> inputs;
  std::int64_t parameters = 0;
  std::int64_t trainable_parameters = 0;
  double flops = 0;
  std::size_t activation_bytes = 0;
};

/// Traces `model`, in its current mode, with one f32 input of `input` = [C,H,W] or [F] a sample. Throws ShapeError if
/// the input does not fit the model.
Summary summary(Module& model, const Shape& input);

namespace detail {
using CallModel = std::function<Var(std::span<const Var> inputs)>;
Summary summary_of(ModuleBase& model, std::span<const Shape> inputs, const CallModel& call);
}  // namespace detail

/// The same for a model of several inputs: summary(merge, {Shape{64, 16, 16}, Shape{32, 32, 32}}).
template <std::same_as<Var>... Inputs>
requires(sizeof...(Inputs) > 1) Summary
    summary(ModuleOf<Var(Inputs...)>& model, const std::array<Shape, sizeof...(Inputs)>& inputs) {
  return detail::summary_of(model, inputs, [&](std::span<const Var> vars) {
    return [&]<std::size_t... i>(std::index_sequence<i...>) { return model(vars[i]...); }
    (std::index_sequence_for<Inputs...>());
  });
}

/// A table for people.
std::ostream& operator<<(std::ostream& out, const Summary& summary);

}  // namespace sluice
