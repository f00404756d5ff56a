// What kernels/cudnn/ does, as loops: for every shape a plan that computes in its workspace and copies the result, and
// one without workspace. As in cuDNN, a relu is done in the same plan behind a bias only.

#include <vector>

#include <sluice/kernels/cuda/cuda_backend.h>
#include <sluice/kernels/cuda/epilogue.h>
#include <sluice/kernels/cudnn/convolution_plan.h>

#include "stream.h"

namespace sluice::cudnn {
namespace {

/// Calls visit(x, w, y), offsets in NHWC, KRSC and NHWC, for every product of a convolution.
template <class Visit>
void for_each_product(const Convolution& conv, const Visit& visit) {
  const std::int64_t group_c = conv.c / conv.groups, group_k = conv.k / conv.groups;
  for (std::int64_t n = 0; n < conv.n; ++n)
    for (std::int64_t p = 0; p < conv.out.h * conv.out.w; ++p)
      for (std::int64_t r = 0; r < conv.kernel.h * conv.kernel.w; ++r) {
        const std::int64_t h = p / conv.out.w * conv.stride.h - conv.padding.h + r / conv.kernel.w * conv.dilation.h;
        const std::int64_t w = p % conv.out.w * conv.stride.w - conv.padding.w + r % conv.kernel.w * conv.dilation.w;
        if (h < 0 || h >= conv.in.h || w < 0 || w >= conv.in.w) continue;
        for (std::int64_t k = 0; k < conv.k; ++k)
          for (std::int64_t c = 0; c < group_c; ++c)
            visit(((n * conv.in.h + h) * conv.in.w + w) * conv.c + k / group_k * group_c + c,
                  (k * conv.kernel.h * conv.kernel.w + r) * group_c + c,
                  (n * conv.out.h * conv.out.w + p) * conv.k + k);
      }
}

std::int64_t result_elements(const Convolution& conv) {
  switch (conv.direction) {
    case Direction::forward: return conv.n * conv.out.h * conv.out.w * conv.k;
    case Direction::backward_data: return conv.n * conv.in.h * conv.in.w * conv.c;
    case Direction::backward_filter: return conv.k * conv.kernel.h * conv.kernel.w * (conv.c / conv.groups);
  }
  return 0;
}

/// Sums in double, so that the order of the products does not matter.
void compute(const Convolution& conv, float* x, float* w, float* y, const float* bias, double* sums) {
  const std::int64_t count = result_elements(conv);
  for (std::int64_t i = 0; i < count; ++i) sums[i] = bias ? static_cast<double>(bias[i % conv.k]) : 0;
  float* result = y;
  switch (conv.direction) {
    case Direction::forward:
      for_each_product(conv, [&](std::int64_t i, std::int64_t j, std::int64_t o) {
        sums[o] += static_cast<double>(x[i]) * static_cast<double>(w[j]);
      });
      break;
    case Direction::backward_data:
      for_each_product(conv, [&](std::int64_t i, std::int64_t j, std::int64_t o) {
        sums[i] += static_cast<double>(y[o]) * static_cast<double>(w[j]);
      });
      result = x;
      break;
    case Direction::backward_filter:
      for_each_product(conv, [&](std::int64_t i, std::int64_t j, std::int64_t o) {
        sums[j] += static_cast<double>(y[o]) * static_cast<double>(x[i]);
      });
      result = w;
      break;
  }
  for (std::int64_t i = 0; i < count; ++i) result[i] = static_cast<float>(sums[i]);
}

constexpr std::string_view in_workspace = "loops", elsewhere = "loops without workspace";

std::size_t sums_bytes(const Convolution& conv) {
  return static_cast<std::size_t>(result_elements(conv)) * sizeof(double);
}

class Loops final : public ConvolutionPlan {
 public:
  Loops(const Convolution& convolution, const cuda::Queue& queue, std::string_view name)
      : convolution_(convolution),
        queue_(queue),
        name_(name) {}

  std::size_t workspace_bytes() const override { return name_ == in_workspace ? sums_bytes(convolution_) : 0; }
  std::string algorithm() const override { return std::string(name_); }
  // So much that plans of small nets, where launches cost most, differ.
  double work() const override { return name_ == in_workspace ? 1 : 1000; }
  void prepare(const ConvolutionOperands&) override {}
  void run(const ConvolutionOperands& at) override {
    cuda_shim::enqueue(queue_.stream, [at, conv = convolution_, without = name_ == elsewhere] {
      std::vector<double> sums(without ? static_cast<std::size_t>(result_elements(conv)) : 0);
      compute(conv, static_cast<float*>(at.x), static_cast<float*>(at.w), static_cast<float*>(at.y),
              static_cast<const float*>(at.bias), without ? sums.data() : static_cast<double*>(at.workspace));
    });
    if (convolution_.relu) cuda::relu_in_place(queue_, static_cast<float*>(at.y), result_elements(convolution_));
  }

 private:
  Convolution convolution_;
  cuda::Queue queue_;
  std::string_view name_;
};

}  // namespace

std::string Convolution::str() const {
  return "x=[" + std::to_string(n) + "," + std::to_string(c) + "," + in.str() + "] w=[" + std::to_string(k) + "," +
         std::to_string(c / groups) + "," + kernel.str() + "]";
}

std::shared_ptr<ConvolutionPlan> plan(const LoweringContext& context, const Convolution& convolution) {
  if (convolution.relu && !convolution.bias) return nullptr;
  std::vector<std::string_view> candidates;
  if (sums_bytes(convolution) <= context.workspace_cap_bytes()) candidates.push_back(in_workspace);
  candidates.push_back(elsewhere);
  return std::make_shared<Loops>(convolution, cuda::queue(context), context.choose(candidates, candidates[0]));
}

}  // namespace sluice::cudnn
