#include <sluice/kernels/cross_entropy/cross_entropy_view.h>
#include <sluice/kernels/cuda/block_reduce.h>
#include <sluice/kernels/shared/lowering.h>
#include <sluice/kernels/shared/positions_cuda.h>

namespace sluice {
namespace {

using cuda::Position;

/// Labels [samples][positions] and their weights.
struct Labels {
  const std::int32_t* labels;
  const float* sample_weights;  ///< null for ones
  LabelWeight<float> weight;
  std::int64_t positions;

  Labels(const CrossEntropyView& view, const Addresses& at, int labels_input)
      : labels(view.input<std::int32_t>(at, labels_input)),
        sample_weights(view.input<float>(at, view.sample_weights)),
        weight(view.label_weight<float>(at)),
        positions(view.positions) {}

  __device__ std::int32_t label(std::int64_t n, std::int64_t s) const { return labels[n * positions + s]; }
  /// What position `s` of sample `n` counts.
  __device__ float operator()(std::int64_t n, std::int64_t s) const {
    const float sample = sample_weights ? sample_weights[n] : 1.0f;
    return sample == 0 ? 0.0f : sample * weight(label(n, s));
  }
  __device__ bool is_class(std::int32_t label) const { return label >= 0 && label < weight.classes; }
};

/// w · nll of a position; exactly 0 where w is 0, NaN where the label is no class.
struct LossTerm {
  Labels labels;
  const float* x;

  template <int lanes>
  __device__ float operator()(const Position<lanes>& position, std::int64_t n, std::int64_t s) const {
    const cuda::PositionSoftmax softmax(position, x);  // whatever its weight: the lanes of a warp sum together
    const float w = position.exists ? labels(n, s) : 0.0f;
    if (w == 0) return 0;
    const std::int32_t label = labels.label(n, s);
    if (!labels.is_class(label)) return nan_of<float>();
    return w * (logf(softmax.sum) + (softmax.max - x[position.element(label)]));
  }
};

struct WeightTerm {
  Labels labels;

  template <int lanes>
  __device__ float operator()(const Position<lanes>& position, std::int64_t n, std::int64_t s) const {
    return position.exists ? labels(n, s) : 0.0f;
  }
};

// A warp sums a chunk of the positions of one sample,
constexpr int rounds = 4;  // in each of which it does as many positions as it has groups of lanes

/// Σ term over each chunk, in double: to `partial` [samples][chunks], or where a sample is one chunk to `to` [samples].
template <int lanes, class Term>
__global__ void sum_chunks_kernel(ChannelView view, std::int64_t chunks, Term term, double* partial, float* to) {
  constexpr int at_once = cuda::warp_threads / lanes;
  const std::int64_t block = blockDim.x, warps = gridDim.x * block / cuda::warp_threads;
  const std::int64_t warp = (blockIdx.x * block + threadIdx.x) / cuda::warp_threads;
  const int lane = static_cast<int>(threadIdx.x) % cuda::warp_threads;
  for (std::int64_t i = warp; i < view.samples * chunks; i += warps) {
    const std::int64_t n = i / chunks, first = i % chunks * (rounds * at_once) + lane / lanes;
    double sum = 0;
    for (int round = 0; round < rounds; ++round) {
      const std::int64_t s = first + round * at_once;
      const float value = term(Position<lanes>(view, n, s, s < view.spatial), n, s);
      if (lane % lanes == 0) sum += static_cast<double>(value);
    }
    sum = cuda::warp_sum(sum);
    if (lane != 0) continue;
    if (chunks == 1)
      to[n] = static_cast<float>(sum);
    else
      partial[i] = sum;
  }
}

/// A warp adds up the chunks of a sample.
__global__ void add_chunks_kernel(std::int64_t samples, std::int64_t chunks, const double* partial, float* to) {
  const std::int64_t block = blockDim.x, warps = gridDim.x * block / cuda::warp_threads;
  const int lane = static_cast<int>(threadIdx.x) % cuda::warp_threads;
  for (std::int64_t n = (blockIdx.x * block + threadIdx.x) / cuda::warp_threads; n < samples; n += warps) {
    double sum = 0;
    for (std::int64_t i = lane; i < chunks; i += cuda::warp_threads) sum += partial[n * chunks + i];
    sum = cuda::warp_sum(sum);
    if (lane == 0) to[n] = static_cast<float>(sum);
  }
}

/// to[n] = Σ of a term over the positions of sample n, in two fixed stages.
class SampleSums {
 public:
  SampleSums(const cuda::Queue& queue, const ChannelView& view) : queue_(queue), view_(view) {
    cuda::with_lanes(view, [&](auto lanes) {
      constexpr std::int64_t positions = rounds * cuda::warp_threads / decltype(lanes)::lanes;
      chunks_ = (view.spatial + positions - 1) / positions;
    });
  }

  std::size_t workspace_bytes() const {
    return chunks_ == 1 ? 0 : static_cast<std::size_t>(view_.samples * chunks_) * sizeof(double);
  }

  template <class Term>
  void run(double* partial, const Term& term, float* to) const {
    cuda::with_lanes(view_, [&](auto lanes) {
      cuda::launch(queue_, view_.samples * chunks_ * cuda::warp_threads,
                   sum_chunks_kernel<decltype(lanes)::lanes, Term>, view_, chunks_, term, partial, to);
    });
    if (chunks_ > 1)
      cuda::launch(queue_, view_.samples * cuda::warp_threads, add_chunks_kernel, view_.samples, chunks_,
                   static_cast<const double*>(partial), to);
  }

 private:
  cuda::Queue queue_;
  ChannelView view_;
  std::int64_t chunks_ = 1;
};

class LossKernel final : public Kernel {
 public:
  LossKernel(const cuda::Queue& queue, const ChannelView& logits, const CrossEntropyView& view)
      : view_(view),
        sums_(queue, logits) {}

  std::size_t workspace_bytes() const override { return sums_.workspace_bytes(); }
  void run(const RunContext&) override {
    sums_.run(workspace<double>(), LossTerm{Labels(view_, addresses_, 1), in<float>(0)}, out<float>(0));
  }

 private:
  CrossEntropyView view_;
  SampleSums sums_;
};

class WeightKernel final : public Kernel {
 public:
  WeightKernel(const cuda::Queue& queue, const CrossEntropyView& view)
      : view_(view),
        sums_(queue, ChannelView{.samples = view.samples, .spatial = view.positions}) {}

  std::size_t workspace_bytes() const override { return sums_.workspace_bytes(); }
  void run(const RunContext&) override {
    sums_.run(workspace<double>(), WeightTerm{Labels(view_, addresses_, 0)}, out<float>(0));
  }

 private:
  CrossEntropyView view_;
  SampleSums sums_;
};

/// dx = w · dloss · (softmax(x) − onehot), exactly 0 where w is 0; may be x. dloss: [samples], `dloss_stride` apart.
template <int lanes>
__global__ void cross_entropy_grad_kernel(ChannelView view, Labels labels, const float* x, const float* dloss,
                                          std::int64_t dloss_stride, float* dx) {
  cuda::for_each_position<lanes>(view, [&](const Position<lanes>& position, std::int64_t n, std::int64_t s) {
    const cuda::PositionSoftmax softmax(position, x);
    if (!position.exists) return;
    const std::int32_t label = labels.label(n, s);
    const float w = labels(n, s);
    const float scale = w == 0 || labels.is_class(label) ? dloss[n * dloss_stride] * w : nan_of<float>();
    position.for_each([&](std::int64_t i, std::int64_t c) {
      dx[i] = w == 0 ? 0.0f : scale * (softmax(x[i]) - (c == label ? 1.0f : 0.0f));
    });
    position.for_each_padding([&](std::int64_t i) { dx[i] = 0; });
  });
}

/// Takes the logits as they lie, and the rest plain.
ChannelView require_logits(LoweringContext& context) {
  require_f32(context);
  for (int i = 1; i < context.inputs(); ++i) context.require_plain(i);
  return require_channel_view(context, 0);
}

std::unique_ptr<Kernel> lower_loss(LoweringContext& context) {
  const ChannelView logits = require_logits(context);
  context.set_layout(0, Layout());
  return std::make_unique<LossKernel>(cuda::queue(context), logits, CrossEntropyView::of(context, false));
}

std::unique_ptr<Kernel> lower_weight(LoweringContext& context) {
  require_f32(context);
  require_all_plain(context);
  return std::make_unique<WeightKernel>(cuda::queue(context), CrossEntropyView::of(context, false));
}

std::unique_ptr<Kernel> lower_grad(LoweringContext& context) {
  const ChannelView logits = require_logits(context);
  context.set_layout(0, context.input(0).layout);
  return make_kernel([queue = cuda::queue(context), logits, view = CrossEntropyView::of(context, true)](
                         const Addresses& at, const RunContext&) {
    cuda::with_lanes(logits, [&](auto lanes) {
      constexpr int count = decltype(lanes)::lanes;
      cuda::launch(queue, logits.samples * logits.spatial * count, cross_entropy_grad_kernel<count>, logits,
                   Labels(view, at, 1), static_cast<const float*>(at.inputs[0]), view.input<float>(at, view.dloss),
                   std::int64_t{view.dloss_is_batch ? 0 : 1}, static_cast<float*>(at.outputs[0]));
    });
  });
}

}  // namespace

void register_cross_entropy_cuda(KernelTable& table) {
  table.add("cross_entropy_loss", lower_loss);
  table.add("cross_entropy_weight", lower_weight);
  table.add("cross_entropy_grad", lower_grad);
}

}  // namespace sluice
