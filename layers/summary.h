#pragma once

#include <cstddef>
#include <cstdint>
#include <iosfwd>
#include <string>
#include <vector>

#include <sluice/layers/module.h>

namespace sluice {

/// One layer of a model, as traced.
struct SummaryRow {
  std::string layer;                 ///< path in the model, "features.0"; empty for what the root does by itself
  std::string module;                ///< Module::str()
  Shape output;                      ///< of its last node, per sample
  std::int64_t parameters = 0;       ///< elements; buffers do not count
  double flops = 0;                  ///< multiply-adds × 2 of one sample, forward
  std::size_t activation_bytes = 0;  ///< of one sample: what it writes to new memory (not in place, not as a view)
};

/// A model layer by layer, with totals. Shared parameters count where they come first.
struct Summary {
  std::vector<SummaryRow> rows;
  Shape input;
  std::int64_t parameters = 0;
  std::int64_t trainable_parameters = 0;
  double flops = 0;
  std::size_t activation_bytes = 0;
};

/// Traces `model`, in its current mode, with one f32 input of `input` = [C,H,W] or [F] a sample. Throws ShapeError when
/// the model does not take it.
Summary summary(Module& model, const Shape& input);

/// A table for people.
std::ostream& operator<<(std::ostream& out, const Summary& summary);

}  // namespace sluice
