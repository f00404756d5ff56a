#pragma once

#include <sluice/core/graph.h>

namespace sluice {

// The ops that core itself needs: what differentiation and the two scopes are made of. Every other op is unknown to
// core.

/// a + b, elementwise, equal shapes. Of a sample and a batch value: the batch value is added to every sample.
Var add(Var a, Var b);

/// x · s with a batch scalar s; x of either scope. Folded factors and sums of broadcasts become scale_by.
/// Differentiable with respect to x only; use mul for a learned factor.
Var scale_by(Var x, Var s);

/// batch_sum: [N,...] sample → [...] batch, over all samples of the logical batch. Of a broadcast v: n·v. Of a
/// by-product: the sum over all micro-batches.
Var batch_sum(Var x);

/// batch → sample: the same value for every sample. Ops that can read a batch value read it directly; it is not
/// materialised for them.
Var broadcast(Var v);

/// Rows of all samples as one batch value: sample [N,F] → batch [capacity,F]. Grows with the logical batch; `capacity`
/// is the largest logical batch. Rows past the logical batch are zero.
Var batch_gather(Var x, std::int64_t capacity);

/// The adjoint of batch_gather: each sample's row of a batch value [capacity,...] → sample [N,...].
Var slice(Var rows);

}  // namespace sluice
