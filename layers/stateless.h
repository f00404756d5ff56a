#pragma once

#include <sluice/kernels/avg_pool2d/avg_pool2d.h>
#include <sluice/kernels/max_pool2d/max_pool2d.h>
#include <sluice/layers/module.h>

namespace sluice {

// Layers without parameters.

/// max(x, 0): any shape.
class ReLU final : public Module {
 public:
  Var forward(Var x) override;
};

/// x where x >= 0, else slope · x: any shape.
class LeakyReLU final : public Module {
 public:
  /// Throws UsageError unless 0 <= slope <= 3.4e38, the largest f32.
  explicit LeakyReLU(double slope = 0.01);

  Var forward(Var x) override;
  std::string str() const override;

 private:
  double slope_;
};

/// x · Φ(x), Φ the distribution function of the standard normal: any shape (see gelu in kernels/gelu/gelu.h).
class GELU final : public Module {
 public:
  Var forward(Var x) override;
};

/// 1 / (1 + exp(−x)): any shape.
class Sigmoid final : public Module {
 public:
  Var forward(Var x) override;
};

/// exp(x) / Σ exp(x) over the channels: [N,C] or [N,C,H,W]. (A loss takes logits: see cross_entropy in
/// layers/losses.h.)
class Softmax final : public Module {
 public:
  Var forward(Var x) override;
};

/// The largest element of each window: [N,C,H,W] → [N,C,H',W'] (see kernels/max_pool2d/max_pool2d.h).
///
///   MaxPool2d(2)    MaxPool2d({.kernel = 3, .stride = 2, .padding = 1})
class MaxPool2d final : public Module {
 public:
  using Options = MaxPool2dOptions;
  /// Windows that tile the input. Throws UsageError for a size below 1.
  explicit MaxPool2d(Size2d kernel) : MaxPool2d(Options{.kernel = kernel}) {}
  /// Throws UsageError for options out of range.
  explicit MaxPool2d(const Options& options);

  Var forward(Var x) override;
  std::string str() const override;

 private:
  Options options_;
};

/// The mean of each window: [N,C,H,W] → [N,C,H',W'] (see kernels/avg_pool2d/avg_pool2d.h).
///
///   AvgPool2d(2)    AvgPool2d({.kernel = 3, .stride = 2, .padding = 1, .count_include_pad = false})
class AvgPool2d final : public Module {
 public:
  using Options = AvgPool2dOptions;
  /// Windows that tile the input. Throws UsageError for a size below 1.
  explicit AvgPool2d(Size2d kernel) : AvgPool2d(Options{.kernel = kernel}) {}
  /// Throws UsageError for options out of range.
  explicit AvgPool2d(const Options& options);

  Var forward(Var x) override;
  std::string str() const override;

 private:
  Options options_;
};

/// The mean of each channel: [N,C,H,W] → [N,C].
class GlobalAvgPool2d final : public Module {
 public:
  Var forward(Var x) override;
};

/// The mean of each of size.h · size.w windows that cover the map, whatever its extents: [N,C,H,W] →
/// [N,C,size.h,size.w] (see kernels/adaptive_avg_pool2d/adaptive_avg_pool2d.h).
///
///   AdaptiveAvgPool2d(7)
class AdaptiveAvgPool2d final : public Module {
 public:
  /// Throws UsageError for a size below 1.
  explicit AdaptiveAvgPool2d(Size2d size);

  Var forward(Var x) override;
  std::string str() const override;

 private:
  Size2d size_;
};

/// Each element becomes a rectangle of equal ones: [N,C,H,W] → [N,C,H·factor.h,W·factor.w] (see
/// kernels/upsample_nearest2d/upsample_nearest2d.h).
///
///   UpsampleNearest2d(2)
class UpsampleNearest2d final : public Module {
 public:
  /// Throws UsageError for a factor below 1.
  explicit UpsampleNearest2d(Size2d factor);

  Var forward(Var x) override;
  std::string str() const override;

 private:
  Size2d factor_;
};

/// In training, each element becomes 0 with probability `rate` and the others are multiplied by 1 / (1 − rate). In
/// evaluation, x itself.
class Dropout final : public Module {
 public:
  /// Throws UsageError unless 0 <= rate <= 1 − 2^-24.
  explicit Dropout(double rate) { set_rate(rate); }

  Var forward(Var x) override;
  std::string str() const override;
  double rate() const { return rate_; }
  /// A change after planning makes runs of a Trainer throw UsageError.
  void set_rate(double rate);

 private:
  double rate_ = 0;
};

/// [N,C,H,W] → [N,C·H·W]; copies nothing.
class Flatten final : public Module {
 public:
  Var forward(Var x) override;
};

}  // namespace sluice
