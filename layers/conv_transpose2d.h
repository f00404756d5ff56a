#pragma once

#include <sluice/kernels/conv_transpose2d/conv_transpose2d.h>
#include <sluice/layers/init.h>
#include <sluice/layers/module.h>

namespace sluice {

/// A transposed convolution with its own weights: [N,in,H,W] → [N,out,H',W'] (see conv_transpose2d in
/// kernels/conv_transpose2d/conv_transpose2d.h).
///
///   ConvTranspose2d({.in = 128, .out = 64, .kernel = 2, .stride = 2})    twice the height and width
class ConvTranspose2d final : public Module {
 public:
  /// `in`, `out` and `kernel` must be given.
  struct Options {
    std::int64_t in = 0;   ///< channels of x
    std::int64_t out = 0;  ///< channels of the result
    Size2d kernel = 0;
    Size2d stride = 1;
    Size2d padding = 0;
    Size2d output_padding = 0;  ///< below the larger of stride and dilation
    Size2d dilation = 1;
    std::int64_t groups = 1;  ///< must divide in and out
    bool bias = true;         ///< starts at zero
    /// Empty: normal, with the variance that preserves the scale of activations with a ReLU. Its fan-in is
    /// in/groups · kernel/stride, which fans_of(weight) does not take into account.
    Initializer init = {};
  };
  /// Throws UsageError for options out of range.
  explicit ConvTranspose2d(Options options);

  Var forward(Var x) override;
  void parameters(const ParameterVisitor& visit) override;
  std::string str() const override;

  const Parameter& weight() const { return weight_; }  ///< [in, out/groups, kernel.h, kernel.w]
  const Parameter& bias() const { return bias_; }      ///< [out]; empty without a bias

 private:
  Options options_;
  Parameter weight_, bias_;
};

}  // namespace sluice
