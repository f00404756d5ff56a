#pragma once

#include <sluice/kernels/conv2d/conv2d.h>
#include <sluice/layers/init.h>
#include <sluice/layers/module.h>

namespace sluice {

/// A convolution with its own weights: [N,in,H,W] → [N,out,H',W'] (see conv2d in kernels/conv2d/conv2d.h).
///
///   Conv2d({.in = 64, .out = 128, .kernel = 3, .stride = 2, .padding = 1})
class Conv2d final : public Module {
 public:
  /// `in`, `out` and `kernel` must be given.
  struct Options {
    std::int64_t in = 0;   ///< channels of x
    std::int64_t out = 0;  ///< channels of the result
    Size2d kernel = 0;
    Size2d stride = 1;
    Size2d padding = 0;
    Size2d dilation = 1;
    std::int64_t groups = 1;  ///< must divide in and out
    bool bias = true;         ///< starts at zero
    Initializer init = init::kaiming_normal();
  };
  /// Throws UsageError for options out of range.
  explicit Conv2d(Options options);

  Var forward(Var x) override;
  void parameters(const ParameterVisitor& visit) override;
  std::string str() const override;

  const Parameter& weight() const { return weight_; }  ///< [out, in/groups, kernel.h, kernel.w]
  const Parameter& bias() const { return bias_; }      ///< [out]; empty without a bias

 private:
  Options options_;
  Parameter weight_, bias_;
};

}  // namespace sluice
