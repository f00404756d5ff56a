#pragma once

#include <vector>

#include <sluice/core/graph.h>

namespace sluice {

/// The channels' means and standard deviations.
struct NormalizeOptions {
  /// One number per channel, or one for all channels; in units of scale · x.
  std::vector<double> mean = {0};
  std::vector<double> std = {1};
  double scale = 1.0 / 255;  ///< brings a byte to [0,1]
};

/// y[n,c,...] = (scale · x[n,c,...] − mean[c]) / std[c]: converts pixels to normalised numbers.
///
/// x: [N,C,...], sample, u8 or f32. Returns f32 of the same shape; not differentiable.
/// Throws ShapeError when x is neither, or mean and std do not have one number or C; UsageError when a std is 0.
Var normalize(Var x, const NormalizeOptions& options);

/// The op behind normalize; kernels read its coefficients.
class NormalizeOp final : public Op {
 public:
  explicit NormalizeOp(NormalizeOptions options) : options_(std::move(options)) {}

  /// y = factor(c) · x + offset(c).
  double factor(std::int64_t c) const { return options_.scale / of(options_.std, c); }
  double offset(std::int64_t c) const { return -of(options_.mean, c) / of(options_.std, c); }

  std::string_view type() const override { return "normalize"; }
  std::string options() const override;
  std::vector<ValueSpec> infer(std::span<const ValueSpec> inputs) const override;
  bool differentiable(int) const override { return false; }

 private:
  static double of(const std::vector<double>& numbers, std::int64_t c) {
    return numbers[numbers.size() == 1 ? 0 : static_cast<std::size_t>(c)];
  }

  NormalizeOptions options_;
};

}  // namespace sluice
