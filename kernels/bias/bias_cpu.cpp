#include <algorithm>

#include <sluice/kernels/cpu/parallel.h>
#include <sluice/kernels/shared/channel_sums_cpu.h>
#include <sluice/kernels/shared/channel_view.h>
#include <sluice/kernels/shared/column_sums_cpu.h>

namespace sluice {
namespace {

/// One image's block of channels, [spatial][inner]; `b` are its `inner` numbers.
SLUICE_CLONES void bias_block(const float* x, const float* b, float* y, std::int64_t spatial, std::int64_t inner) {
  if (inner == 1) {
    const float value = *b;
#pragma omp simd
    for (std::int64_t s = 0; s < spatial; ++s) y[s] = x[s] + value;
  } else if (inner == 16) {
    for (std::int64_t s = 0; s < spatial; ++s)
#pragma omp simd
      for (int i = 0; i < 16; ++i) y[s * 16 + i] = x[s * 16 + i] + b[i];
  } else {
    for (std::int64_t s = 0; s < spatial; ++s)
#pragma omp simd
      for (std::int64_t i = 0; i < inner; ++i) y[s * inner + i] = x[s * inner + i] + b[i];
  }
}

/// y = x + b in any layout a ChannelView describes.
class BiasKernel final : public Kernel {
 public:
  explicit BiasKernel(const ChannelView& view) : view_(view) {}

  /// b padded with zeros to whole blocks, so that padding in y stays zero.
  std::size_t workspace_bytes() const override {
    return static_cast<std::size_t>(view_.padded_channels()) * sizeof(float);
  }

  void run(const RunContext&) override {
    float* b = workspace<float>();
    std::copy_n(in<float>(1), view_.channels, b);
    std::fill(b + view_.channels, b + view_.padded_channels(), 0.0f);
    const std::int64_t block = view_.spatial * view_.inner;
    const float* x = in<float>(0);
    float* y = out<float>(0);
    cpu::parallel_for(view_.samples * view_.outer, std::max<std::int64_t>(1, 16384 / block),
                      [&](std::int64_t begin, std::int64_t end) {
                        for (std::int64_t i = begin; i < end; ++i)
                          bias_block(x + i * block, b + i % view_.outer * view_.inner, y + i * block, view_.spatial,
                                     view_.inner);
                      });
  }

 private:
  ChannelView view_;
};

/// db += Σ dy.
class BiasGradKernel final : public Kernel {
 public:
  explicit BiasGradKernel(const ChannelView& view) : view_(view), sums_(view) {}

  std::size_t workspace_bytes() const override { return sums_.workspace_bytes(); }

  void run(const RunContext&) override {
    auto* partial = workspace<double>();
    sums_.run(partial, [this](std::int64_t at, std::int64_t, double* sums) {
      cpu::add_rows(in<float>(0) + at, view_.spatial, view_.inner, sums, view_.inner);
    });
    auto* db = out<float>(0);
    for (std::int64_t c = 0; c < view_.channels; ++c) db[c] += static_cast<float>(sums_.total(partial, 0, c));
  }

 private:
  ChannelView view_;
  cpu::ChannelSums<1> sums_;
};

std::unique_ptr<Kernel> lower_bias(LoweringContext& context) {
  const ChannelView view = require_channel_view(context, 0);
  context.require_plain(1);
  context.set_layout(0, context.input(0).layout);
  return std::make_unique<BiasKernel>(view);
}

std::unique_ptr<Kernel> lower_bias_grad(LoweringContext& context) {
  const ChannelView view = require_channel_view(context, 0);
  context.set_layout(0, Layout());
  return std::make_unique<BiasGradKernel>(view);
}

}  // namespace

void register_bias_cpu(KernelTable& table) {
  table.add("bias", lower_bias);
  table.add("bias_grad", lower_bias_grad);
}

}  // namespace sluice
