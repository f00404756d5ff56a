#pragma once

#include <sluice/core/graph.h>

namespace sluice {

/// max(a + b, 0) in one pass: what closes a residual block. relu(add(a, b)) becomes this by itself.
///
/// a, b: equal shapes and floating dtype; of a sample and a batch value the batch value is added to every sample. May
/// overwrite a or b. Gradient: relu_grad(mask, dy) to both, the mask being the op's second output. Throws ShapeError
/// when they differ.
Var add_relu(Var a, Var b);

}  // namespace sluice
