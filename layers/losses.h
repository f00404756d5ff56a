#pragma once

#include <sluice/core/graph.h>
#include <sluice/kernels/cross_entropy/cross_entropy.h>

namespace sluice {

/// Mean softmax cross entropy over the logical batch: Σ_n loss[n] / Σ_n weight[n], both sums over all its samples,
/// for any split into micro-batches. Batch scalar.
///
/// logits: [N,C] or [N,C,H,W]; labels: i32 [N] or [N,H,W]; class_weights: [C], batch; sample_weights: [N]. Ignored
/// labels and weights of 0 count in neither sum (see kernels/cross_entropy/cross_entropy.h). Throws ShapeError if
/// shapes do not fit.
Var cross_entropy(Var logits, Var labels, const CrossEntropyOptions& options = {}, Var class_weights = {},
                  Var sample_weights = {});

/// The fraction of labels in the logical batch whose logit is the largest, without ignored labels: 0 to 1. Batch
/// scalar, no gradient.
///
/// Shapes as for cross_entropy.
Var accuracy(Var logits, Var labels, const CrossEntropyOptions& options = {});

}  // namespace sluice
