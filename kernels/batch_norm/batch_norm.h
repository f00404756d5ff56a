#pragma once

#include <cstdint>
#include <string>

#include <sluice/core/graph.h>

namespace sluice {

/// The batch whose mean and variance normalise a sample.
enum class BatchNormMode : std::uint8_t {
  local,  ///< its micro-batch: the result depends on the split into micro-batches
  exact,  ///< its logical batch: the same result for any split. Each BatchNorm in a chain adds two stages; values that
          ///< a later stage needs are stored for the whole logical batch or recomputed
};

/// Options of batch_norm; `eps` is added to the variance.
struct BatchNormOptions {
  BatchNormMode mode = BatchNormMode::local;
  double eps = 1e-5;
};

/// Batch normalisation: y = scale · (x − mean) / √(variance + eps) + shift for each channel, mean and (biased) variance
/// over the positions of the samples that `options.mode` selects.
///
/// x: [N,C,...] f32 sample; scale, shift: [C] f32 batch; y: as x. A relu of y, a sum of y and another value, and a relu
/// of that sum are computed by the same kernel if no other node reads the values between (core/fuse.h). Throws
/// ShapeError when shapes do not fit and for eps <= 0. Source: Ioffe and Szegedy, "Batch Normalization", ICML 2015,
/// algorithm 1.
Var batch_norm(Var x, Var scale, Var shift, const BatchNormOptions& options = {});

/// The same with a given mean and variance, [C] f32 batch, to which no gradient flows: evaluation and frozen layers.
Var batch_norm_fixed(Var x, Var mean, Var variance, Var scale, Var shift, double eps = BatchNormOptions{}.eps);

/// Adds the update of running statistics by the mean and the unbiased variance of x over the whole logical batch, once
/// per step, however it is split: r ← (1 − momentum) · r + momentum · statistic. Written with the parameters' update,
/// so never by evaluation, recomputation or a step that is not taken.
///
/// x: [N,C,...] f32 sample; running_mean, running_variance: parameters, [C] f32. Throws ShapeError, also unless
/// 0 <= momentum <= 1.
void batch_norm_update(Var running_mean, Var running_variance, Var x, double momentum);

}  // namespace sluice
