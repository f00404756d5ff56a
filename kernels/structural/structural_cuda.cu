#include <sluice/core/error.h>
#include <sluice/kernels/arithmetic/arithmetic_functors.h>
#include <sluice/kernels/shared/map_cuda.h>
#include <sluice/kernels/shared/plain_sums_cuda.h>
#include <sluice/kernels/shared/sample_layout.h>

namespace sluice {
namespace {

std::unique_ptr<Kernel> lower_add(LoweringContext& context) {
  return cuda::lower_binary(context, AddFunctor{}, context.input(0).dims == context.input(1).dims);
}

__global__ void scale_by_f64_kernel(std::int64_t count, const double* x, const float* factor, double* y) {
  const double s = *factor;
  for (std::int64_t i = cuda::grid_thread(); i < count; i += cuda::grid_threads()) y[i] = MulFunctor{}(x[i], s);
}

std::unique_ptr<Kernel> lower_scale_by(LoweringContext& context) {
  if (context.input(0).dtype != DType::f64) return cuda::lower_binary(context, MulFunctor{}, true);
  require_all_plain(context);
  return make_kernel(
      [queue = cuda::queue(context), count = context.output(0).elements()](const Addresses& at, const RunContext&) {
        cuda::launch(queue, count, scale_by_f64_kernel, count, static_cast<const double*>(at.inputs[0]),
                     static_cast<const float*>(at.inputs[1]), static_cast<double*>(at.outputs[0]));
      });
}

__global__ void add_by_product_kernel(std::int64_t count, const double* part, double* total) {
  for (std::int64_t i = cuda::grid_thread(); i < count; i += cuda::grid_threads()) total[i] += part[i];
}

/// Sums of by-products: few numbers, in double.
std::unique_ptr<Kernel> lower_by_product_sum(LoweringContext& context) {
  require_all_plain(context);
  if (context.input(0).dtype != DType::f64)
    throw BackendError("batch_sum: by-products are summed in double; got " + std::string(name(context.input(0).dtype)));
  return make_kernel(
      [queue = cuda::queue(context), count = context.output(0).elements()](const Addresses& at, const RunContext&) {
        cuda::launch(queue, count, add_by_product_kernel, count, static_cast<const double*>(at.inputs[0]),
                     static_cast<double*>(at.outputs[0]));
      });
}

/// The sum lies as each sample does, and where it has a layout already, the samples lie so.
void share_sample_layout(LoweringContext& context) {
  const LoweredValue &x = context.input(0), &total = context.output(0);
  if (total.pinned) {
    if (const auto layout = layout_of_samples(total.layout)) return context.require(0, *layout);
  } else if (const auto layout = layout_of_sample(x)) {
    context.require(0, x.layout);
    return context.set_layout(0, *layout);
  }
  require_all_plain(context);
}

std::unique_ptr<Kernel> lower_batch_sum(LoweringContext& context) {
  if (context.input(0).dims == context.output(0).dims) return lower_by_product_sum(context);
  require_f32(context);
  share_sample_layout(context);
  const std::int64_t samples = context.input(0).dims[0], elements = context.output(0).padded_elements();
  const ChannelView columns{.channels = elements, .spatial = samples, .inner = elements};
  return std::make_unique<cuda::ElementSumsKernel>(cuda::queue(context), columns, true);
}

/// `launch(word)` with the widest word, of type Word, that `row_bytes` is a multiple of.
template <class Launch>
void with_words(std::size_t row_bytes, const Launch& launch) {
  if (row_bytes % 16 == 0)
    launch(cuda::Pack<std::uint32_t, 4>{});
  else if (row_bytes % sizeof(std::uint32_t) == 0)
    launch(std::uint32_t{});
  else
    launch(std::uint8_t{});
}

/// y[n] = x for every row of `row` words.
template <class Word>
__global__ void broadcast_kernel(std::int64_t count, std::int64_t row, const Word* x, Word* y) {
  for (std::int64_t i = cuda::grid_thread(); i < count; i += cuda::grid_threads()) y[i] = x[i % row];
}

/// Rows of a micro-batch inside a batch value [capacity,...].
struct Rows {
  std::int64_t samples, capacity;
  std::size_t bytes;  ///< of a row

  Rows(const LoweredValue& sample, const LoweredValue& batch)
      : samples(sample.dims[0]),
        capacity(batch.dims[0]),
        bytes(sample.bytes() / static_cast<std::size_t>(samples)) {}
};

/// Words that a micro-batch of `count` has in common with a batch value of `capacity` from word `first` on: one that
/// reaches past the capacity is cut off there.
__device__ std::int64_t common_words(std::int64_t count, std::int64_t capacity, std::int64_t first) {
  return first >= capacity ? 0 : first + count > capacity ? capacity - first : count;
}

template <class Word>
__global__ void batch_gather_kernel(const RunCounters* counters, std::int64_t count, std::int64_t capacity,
                                    std::int64_t row, const Word* x, Word* y) {
  const std::int64_t first = counters->first_sample * row, common = common_words(count, capacity, first);
  for (std::int64_t i = cuda::grid_thread(); i < common; i += cuda::grid_threads()) y[first + i] = x[i];
}

template <class Word>
__global__ void slice_kernel(const RunCounters* counters, std::int64_t count, std::int64_t capacity, std::int64_t row,
                             const Word* x, Word* y) {
  const std::int64_t first = counters->first_sample * row, common = common_words(count, capacity, first);
  for (std::int64_t i = cuda::grid_thread(); i < count; i += cuda::grid_threads())
    y[i] = i < common ? x[first + i] : Word{};
}

std::unique_ptr<Kernel> lower_broadcast(LoweringContext& context) {
  const std::optional<Layout> samples = layout_of_samples(context.input(0).layout);
  context.require(0, samples ? context.input(0).layout : Layout());
  context.set_layout(0, samples.value_or(Layout()));
  return make_kernel([queue = cuda::queue(context), samples = context.output(0).dims[0],
                      row = context.input(0).bytes()](const Addresses& at, const RunContext&) {
    with_words(row, [&]<class Word>(Word) {
      const auto words = static_cast<std::int64_t>(row / sizeof(Word));
      cuda::launch(queue, samples * words, broadcast_kernel<Word>, samples * words, words,
                   static_cast<const Word*>(at.inputs[0]), static_cast<Word*>(at.outputs[0]));
    });
  });
}

/// Values that differ in their number of rows lie alike, rows one after the other.
void share_row_layout(LoweringContext& context) {
  const LoweredValue &x = context.input(0), &y = context.output(0);
  const LoweredValue& decides = y.pinned ? y : x;
  if (!samples_contiguous(decides)) return require_all_plain(context);
  const Layout layout = decides.layout;
  context.require(0, layout);
  context.set_layout(0, layout);
}

std::unique_ptr<Kernel> lower_batch_gather(LoweringContext& context) {
  share_row_layout(context);
  return make_kernel([queue = cuda::queue(context), rows = Rows(context.input(0), context.output(0))](
                         const Addresses& at, const RunContext& run) {
    with_words(rows.bytes, [&]<class Word>(Word) {
      const auto row = static_cast<std::int64_t>(rows.bytes / sizeof(Word));
      cuda::launch(queue, rows.samples * row, batch_gather_kernel<Word>, static_cast<const RunCounters*>(run.counters),
                   rows.samples * row, rows.capacity * row, row, static_cast<const Word*>(at.inputs[0]),
                   static_cast<Word*>(at.outputs[0]));
    });
  });
}

std::unique_ptr<Kernel> lower_slice(LoweringContext& context) {
  share_row_layout(context);
  return make_kernel([queue = cuda::queue(context), rows = Rows(context.output(0), context.input(0))](
                         const Addresses& at, const RunContext& run) {
    with_words(rows.bytes, [&]<class Word>(Word) {
      const auto row = static_cast<std::int64_t>(rows.bytes / sizeof(Word));
      cuda::launch(queue, rows.samples * row, slice_kernel<Word>, static_cast<const RunCounters*>(run.counters),
                   rows.samples * row, rows.capacity * row, row, static_cast<const Word*>(at.inputs[0]),
                   static_cast<Word*>(at.outputs[0]));
    });
  });
}

}  // namespace

void register_structural_cuda(KernelTable& table) {
  table.add("add", lower_add);
  table.add("scale_by", lower_scale_by, {DType::f64});
  table.add("batch_sum", lower_batch_sum, {DType::f64});
  table.add("broadcast", lower_broadcast);
  table.add("batch_gather", lower_batch_gather);
  table.add("slice", lower_slice);
}

}  // namespace sluice
