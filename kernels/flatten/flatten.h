#pragma once

#include <sluice/core/graph.h>

namespace sluice {

/// The same elements, row-major, under another shape: a view, for which no kernel runs.
///
/// x: any shape, scope and dtype; `shape`: per sample for a sample value. Returns `shape`; x itself when it has it
/// already. Gradient: reshape back. Throws ShapeError when the numbers of elements differ.
Var reshape(Var x, const Shape& shape);

/// [N,C,H,W] → [N,C·H·W]: reshape to one dimension per sample.
Var flatten(Var x);

}  // namespace sluice
