#pragma once

#include <sluice/core/graph.h>

namespace sluice {

/// Σ over everything but the samples: [N,...] → [N] of a sample value, [...] → scalar of a batch value.
///
/// x: any shape and scope, floating. Linear. Gradient: expand_per_sample. Throws ShapeError when x is not floating.
Var sum_per_sample(Var x);

/// The adjoint of sum_per_sample: each sample's number at every position, [N] → [N,shape]; of a batch scalar, `shape`.
///
/// s: no dimensions per sample, floating. Linear. Gradient: sum_per_sample. Throws ShapeError otherwise.
Var expand_per_sample(Var s, const Shape& shape);

}  // namespace sluice
