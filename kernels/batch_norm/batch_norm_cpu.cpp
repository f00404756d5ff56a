#include <algorithm>
#include <numeric>

#include <sluice/core/at.h>
#include <sluice/kernels/batch_norm/batch_norm_cpu_loops.h>
#include <sluice/kernels/batch_norm/batch_norm_functors.h>
#include <sluice/kernels/batch_norm/batch_norm_ops.h>
#include <sluice/kernels/shared/channel_sums_cpu.h>
#include <sluice/kernels/shared/lowering.h>
#include <sluice/kernels/shared/relu_mask_cpu.h>

namespace sluice {
namespace {

/// Blocks a thread should have at least.
std::int64_t block_grain(const ChannelView& view) {
  return std::max<std::int64_t>(1, 16384 / (view.spatial * view.inner));
}

/// Fills coefficient arrays for all channels, zeros in the padding: there x is 0, and y must be.
template <class Make>
void fill_coefficients(const ChannelView& view, float* a, float* b, float* c, const Make& make) {
  for (std::int64_t channel = 0; channel < view.channels; ++channel) make(channel, a[channel], b[channel], c[channel]);
  for (float* array : {a, b, c}) std::fill(array + view.channels, array + view.padded_channels(), 0.0f);
}

ChannelStatistics statistics(const double* moments, std::int64_t channels, std::int64_t c, double eps) {
  return {moments[c], moments[channels + c], moments[2 * channels + c], eps};
}

/// What forward and its gradients need to normalise: center, slope and offset of every channel.
void fill_normalization(const ChannelView& view, double eps, const double* moments, const float* scale,
                        const float* shift, float* to) {
  const std::int64_t stride = view.padded_channels();
  fill_coefficients(view, to, to + stride, to + 2 * stride, [&](std::int64_t c, float& center, float& slope, float& o) {
    const auto channel = NormalizeChannel<float>::make(statistics(moments, view.channels, c, eps),
                                                       static_cast<double>(scale[c]), static_cast<double>(shift[c]));
    center = channel.center;
    slope = channel.slope;
    o = channel.offset;
  });
}

class MomentsKernel final : public Kernel {
 public:
  explicit MomentsKernel(const ChannelView& view) : view_(view), sums_(view) {}

  std::size_t workspace_bytes() const override { return sums_.workspace_bytes(); }

  void run(const RunContext&) override {
    auto* partial = workspace<double>();
    sums_.run(partial, [this](std::int64_t block, std::int64_t, double* sums) {
      cpu::moments_block(in<float>(0) + block, sums, view_.spatial, view_.inner);
    });
    auto* moments = out<double>(0);
    for (std::int64_t c = 0; c < view_.channels; ++c) {
      moments[c] = static_cast<double>(view_.samples * view_.spatial);
      moments[view_.channels + c] = sums_.total(partial, 0, c);
      moments[2 * view_.channels + c] = sums_.total(partial, 1, c);
    }
  }

 private:
  ChannelView view_;
  cpu::ChannelSums<2> sums_;
};

class ForwardKernel final : public Kernel {
 public:
  ForwardKernel(const ChannelView& view, const BatchNormOp& op)
      : view_(view),
        traits_(op.traits()),
        has_addend_(op.has_addend()),
        group_(op.has_mask() ? word_bits / std::gcd(view.spatial * view.inner, word_bits) : 1),
        has_mask_(op.has_mask()) {}

  std::size_t workspace_bytes() const override { return 3 * at(view_.padded_channels()) * sizeof(float); }

  void run(const RunContext&) override {
    auto* coefficients = workspace<float>();
    fill_normalization(view_, traits_.eps, in<double>(1), in<float>(2), in<float>(3), coefficients);
    const std::int64_t blocks = view_.samples * view_.outer, groups = (blocks + group_ - 1) / group_;
    const std::int64_t least = std::max<std::int64_t>(1, block_grain(view_) / group_);
    cpu::parallel_for(groups, least, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t g = begin; g < end; ++g) run_group(g * group_, std::min((g + 1) * group_, blocks));
    });
  }

 private:
  void run_group(std::int64_t begin, std::int64_t end) {
    const std::int64_t elements = view_.spatial * view_.inner;
    const bool in_one_pass = has_mask_ && group_ == 1;
    for (std::int64_t i = begin; i < end; ++i) {
      const cpu::Normalization n{workspace<float>() + i % view_.outer * view_.inner, view_.padded_channels()};
      const float* x = in<float>(0) + i * elements;
      const float* addend = has_addend_ ? in<float>(4) + i * elements : nullptr;
      float* y = out<float>(0) + i * elements;
      if (in_one_pass)
        cpu::normalize_masked_block(x, addend, y, mask_at(i * elements), n, view_.spatial, view_.inner);
      else
        cpu::normalize_block(x, addend, y, n, view_.spatial, view_.inner, traits_.relu);
    }
    if (has_mask_ && !in_one_pass)
      cpu::write_mask(out<float>(0) + begin * elements, mask_at(begin * elements), (end - begin) * elements);
  }

  std::uint32_t* mask_at(std::int64_t element) const { return out<std::uint32_t>(1) + element / word_bits; }

  ChannelView view_;
  BatchNormTraits traits_;
  bool has_addend_;
  std::int64_t group_;  // blocks after which a word of the mask begins: what a thread does by itself
  bool has_mask_;
};

class GradSumsKernel final : public Kernel {
 public:
  GradSumsKernel(const ChannelView& view, const BatchNormTraits& traits) : view_(view), traits_(traits), sums_(view) {}

  std::size_t workspace_bytes() const override {
    return sums_.workspace_bytes() + 3 * at(view_.padded_channels()) * sizeof(float);
  }

  void run(const RunContext&) override {
    auto* partial = workspace<double>();
    auto* coefficients = reinterpret_cast<float*>(workspace<std::byte>() + sums_.workspace_bytes());
    const auto* moments = in<double>(2);
    fill_normalization(view_, traits_.eps, moments, in<float>(3), in<float>(4), coefficients);
    sums_.run(partial, [&](std::int64_t block, std::int64_t o, double* sums) {
      const cpu::Normalization n{coefficients + o * view_.inner, view_.padded_channels()};
      cpu::grad_sums_block(in<float>(0) + block, in<float>(1) + block, n, sums, view_.spatial, view_.inner,
                           traits_.relu);
    });
    for (std::int64_t c = 0; c < view_.channels; ++c) {
      const ChannelStatistics s = statistics(moments, view_.channels, c, traits_.eps);
      const double sum_dy = sums_.total(partial, 0, c);
      const double centered = sums_.total(partial, 1, c);  // Σ dy·(x − center)
      out<double>(0)[c] = sum_dy;
      out<double>(0)[view_.channels + c] =
          s.inverse_std * (centered + (static_cast<double>(coefficients[c]) - s.mean) * sum_dy);
    }
  }

 private:
  ChannelView view_;
  BatchNormTraits traits_;
  cpu::ChannelSums<2> sums_;
};

class GradInputKernel final : public Kernel {
 public:
  GradInputKernel(const ChannelView& view, const BatchNormGradInputOp& op)
      : view_(view),
        traits_(op.traits()),
        has_sums_(op.has_sums()) {}

  std::size_t workspace_bytes() const override { return 6 * at(view_.padded_channels()) * sizeof(float); }

  void run(const RunContext&) override {
    const std::int64_t stride = view_.padded_channels(), channels = view_.channels;
    auto* coefficients = workspace<float>();
    float* gradient = coefficients + 3 * stride;
    const auto* moments = in<double>(2);
    fill_normalization(view_, traits_.eps, moments, in<float>(3), in<float>(4), coefficients);
    fill_coefficients(view_, gradient, gradient + stride, gradient + 2 * stride,
                      [&](std::int64_t c, float& slope, float& by_x, float& constant) {
                        const double sum_dy = has_sums_ ? in<double>(5)[c] : 0;
                        const double sum_dy_xhat = has_sums_ ? in<double>(5)[channels + c] : 0;
                        const auto g = NormalizeChannelGrad<float>::make(
                            statistics(moments, channels, c, traits_.eps), static_cast<double>(in<float>(3)[c]),
                            moments[c], sum_dy, sum_dy_xhat, static_cast<double>(coefficients[c]));
                        slope = g.slope;
                        by_x = g.by_x;
                        constant = g.constant;
                      });
    const std::int64_t elements = view_.spatial * view_.inner;
    cpu::parallel_for(view_.samples * view_.outer, block_grain(view_), [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        const std::int64_t first = i % view_.outer * view_.inner;
        cpu::grad_input_block(in<float>(0) + i * elements, in<float>(1) + i * elements, out<float>(0) + i * elements,
                              {coefficients + first, stride}, {gradient + first, stride}, view_.spatial, view_.inner,
                              traits_.relu, has_sums_);
      }
    });
  }

 private:
  ChannelView view_;
  BatchNormTraits traits_;
  bool has_sums_;
};

std::unique_ptr<Kernel> lower_moments(LoweringContext& context) {
  const ChannelView view = require_channel_view(context, 0);
  return std::make_unique<MomentsKernel>(view);
}

std::unique_ptr<Kernel> lower_fixed_moments(LoweringContext& context) {
  require_all_plain(context);
  return make_kernel([channels = context.input(0).elements()](const Addresses& addresses, const RunContext&) {
    const auto* mean = static_cast<const float*>(addresses.inputs[0]);
    const auto* variance = static_cast<const float*>(addresses.inputs[1]);
    auto* moments = static_cast<double*>(addresses.outputs[0]);
    for (std::int64_t c = 0; c < channels; ++c) {
      const double m = static_cast<double>(mean[c]);
      moments[c] = 1;
      moments[channels + c] = m;
      moments[2 * channels + c] = static_cast<double>(variance[c]) + m * m;
    }
  });
}

/// Asks that input `first` and those of its shape that follow (`alike`) lie alike, in a form that loops over channels
/// can walk, and the rest of the inputs and the moments plain.
ChannelView channel_operands(LoweringContext& context, int first, std::initializer_list<int> alike) {
  const ChannelView view = require_channel_view(context, first);
  for (int i = 0; i < context.inputs(); ++i) {
    if (i == first) continue;
    const bool activation = std::find(alike.begin(), alike.end(), i) != alike.end();
    context.require(i, activation ? context.input(first).layout : Layout());
  }
  return view;
}

std::unique_ptr<Kernel> lower_batch_norm(LoweringContext& context) {
  const ChannelView view = channel_operands(context, 0, {4});
  for (int o = 0; o < context.outputs(); ++o) context.set_layout(o, context.input(0).layout);
  return std::make_unique<ForwardKernel>(view, context.op<BatchNormOp>());
}

std::unique_ptr<Kernel> lower_grad_sums(LoweringContext& context) {
  const ChannelView view = channel_operands(context, 1, {0});
  return std::make_unique<GradSumsKernel>(view, context.op<BatchNormGradSumsOp>().traits());
}

std::unique_ptr<Kernel> lower_grad_parameter(LoweringContext& context) {
  require_all_plain(context);
  return make_kernel([row = context.op<BatchNormGradParameterOp>().row(), channels = context.output(0).elements()](
                         const Addresses& addresses, const RunContext&) {
    const auto* sums = static_cast<const double*>(addresses.inputs[0]) + row * channels;
    auto* gradient = static_cast<float*>(addresses.outputs[0]);
    for (std::int64_t c = 0; c < channels; ++c) gradient[c] += static_cast<float>(sums[c]);
  });
}

std::unique_ptr<Kernel> lower_batch_norm_grad_input(LoweringContext& context) {
  const ChannelView view = channel_operands(context, 1, {0});
  context.set_layout(0, context.input(1).layout);
  return std::make_unique<GradInputKernel>(view, context.op<BatchNormGradInputOp>());
}

std::unique_ptr<Kernel> lower_update(LoweringContext& context) {
  require_all_plain(context);
  return make_kernel([running = RunningStatistic{context.op<BatchNormUpdateOp>().momentum()},
                      channels = context.input(0).elements()](const Addresses& addresses, const RunContext&) {
    const auto* moments = static_cast<const double*>(addresses.inputs[2]);
    for (std::int64_t c = 0; c < channels; ++c) {
      const double n = moments[c], sum = moments[channels + c], squares = moments[2 * channels + c];
      running(static_cast<float*>(addresses.inputs[0])[c], sum / n);
      running(static_cast<float*>(addresses.inputs[1])[c], unbiased_variance(n, sum, squares));
    }
  });
}

}  // namespace

void register_batch_norm_cpu(KernelTable& table) {
  table.add("batch_moments", lower_moments, {DType::f64});
  table.add("fixed_moments", lower_fixed_moments, {DType::f64});
  table.add("batch_norm", lower_batch_norm, {DType::f64, DType::bit});
  table.add("batch_norm_grad_sums", lower_grad_sums, {DType::f64});
  table.add("batch_norm_grad_parameter", lower_grad_parameter, {DType::f64});
  table.add("batch_norm_grad_input", lower_batch_norm_grad_input, {DType::f64});
  table.add("batch_norm_update", lower_update, {DType::f64});
}

}  // namespace sluice
