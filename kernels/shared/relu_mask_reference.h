#pragma once

#include <algorithm>
#include <memory>
#include <utility>

#include <sluice/core/bits.h>
#include <sluice/core/kernel.h>
#include <sluice/kernels/shared/relu_functors.h>

namespace sluice::reference {

/// A kernel, and behind it the mask of its output 0, which is plain, as output 1.
class WithReluMask final : public Kernel {
 public:
  WithReluMask(std::unique_ptr<Kernel> kernel, std::int64_t count) : kernel_(std::move(kernel)), count_(count) {}

  std::size_t workspace_bytes() const override { return kernel_->workspace_bytes(); }
  void bind(const Addresses& addresses) override {
    Kernel::bind(addresses);
    kernel_->bind(addresses);
  }
  void run(const RunContext& context) override {
    kernel_->run(context);
    auto* const mask = out<std::uint32_t>(1);
    std::fill_n(mask, bit_words(count_), 0u);
    for (std::int64_t i = 0; i < count_; ++i) set_bit(mask, i, ReluMaskFunctor{}(out<double>(0)[i]));
  }

 private:
  std::unique_ptr<Kernel> kernel_;
  std::int64_t count_;
};

/// The factory of an op that ends in a relu, from one that makes output 0. Where there is no output 1, the same kernel.
inline KernelFactory with_relu_mask(KernelFactory factory) {
  return [factory = std::move(factory)](LoweringContext& context) {
    std::unique_ptr<Kernel> kernel = factory(context);
    if (context.outputs() == 1) return kernel;
    return std::unique_ptr<Kernel>(std::make_unique<WithReluMask>(std::move(kernel), context.output(0).elements()));
  };
}

}  // namespace sluice::reference
