#pragma once

#include <sluice/core/graph.h>
#include <sluice/kernels/cross_entropy/cross_entropy.h>

namespace sluice {

/// Mean softmax cross entropy over the logical batch: Σ_n loss[n] / Σ_n weight[n], both sums over all its samples,
/// however it is split into micro-batches. Batch scalar.
///
/// logits: [N,C] or [N,C,H,W]; labels: i32 [N] or [N,H,W]; class_weights: [C], batch; sample_weights: [N]. Ignored
/// labels and weights of 0 count in neither sum (see kernels/cross_entropy/cross_entropy.h). Throws ShapeError when
/// shapes do not fit.
Var cross_entropy(Var logits, Var labels, const CrossEntropyOptions& options = {}, Var class_weights = {},
                  Var sample_weights = {});

/// The part of the logical batch's labels that are the largest logit, ignored ones left out: 0 to 1. Batch scalar, no
/// gradient.
///
/// Shapes as for cross_entropy.
Var accuracy(Var logits, Var labels, const CrossEntropyOptions& options = {});

}  // namespace sluice
