#pragma once

#include <sluice/kernels/batch_norm/batch_norm.h>
#include <sluice/layers/module.h>

namespace sluice {

/// Batch normalisation of each channel with a learned scale and shift: [N,C,H,W] → [N,C,H,W] (see batch_norm in
/// kernels/batch_norm/batch_norm.h). In training it normalises by the statistics of the batch and updates its
/// running statistics once per logical batch. In evaluation, and after freeze_statistics(), it normalises by the
/// running statistics and does not change them. set_trainable(false) freezes scale and shift.
///
///   BatchNorm2d(64)    BatchNorm2d({.channels = 64, .mode = BatchNormMode::exact})
class BatchNorm2d final : public Module {
 public:
  /// Options; `channels` must be given.
  struct Options {
    std::int64_t channels = 0;
    BatchNormMode mode = BatchNormMode::local;
    double eps = 1e-5;
    double momentum = 0.1;  ///< weight of a step's statistics in the update of the running ones
  };
  /// Throws UsageError for options out of range.
  explicit BatchNorm2d(const Options& options);
  explicit BatchNorm2d(std::int64_t channels) : BatchNorm2d(Options{.channels = channels}) {}

  Var forward(Var x) override;
  void parameters(const ParameterVisitor& visit) override;
  std::string str() const override;

  const Parameter& scale() const { return scale_; }                        ///< [C], starts at 1
  const Parameter& shift() const { return shift_; }                        ///< [C], starts at 0
  const Parameter& running_mean() const { return running_mean_; }          ///< [C] buffer, starts at 0
  const Parameter& running_variance() const { return running_variance_; }  ///< [C] buffer, starts at 1; n − 1 variance

 private:
  Options options_;
  Parameter scale_, shift_, running_mean_, running_variance_;
};

}  // namespace sluice
