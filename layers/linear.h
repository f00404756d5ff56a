#pragma once

#include <sluice/layers/init.h>
#include <sluice/layers/module.h>

namespace sluice {

/// y = x · wᵀ + b: [N,in] → [N,out] (see linear in kernels/linear/linear.h).
///
///   Linear({.in = 128, .out = 10})
class Linear final : public Module {
 public:
  /// `in` and `out` must be given.
  struct Options {
    std::int64_t in = 0;   ///< features of x
    std::int64_t out = 0;  ///< features of the result
    bool bias = true;      ///< starts at zero
    Initializer init = init::kaiming_normal();
  };
  /// Throws UsageError for options out of range.
  explicit Linear(Options options);

  Var forward(Var x) override;
  void parameters(const ParameterVisitor& visit) override;
  std::string str() const override;

  const Parameter& weight() const { return weight_; }  ///< [out, in]
  const Parameter& bias() const { return bias_; }      ///< [out]; empty without a bias

 private:
  Options options_;
  Parameter weight_, bias_;
};

}  // namespace sluice
