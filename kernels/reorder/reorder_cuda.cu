#include <algorithm>
#include <optional>
#include <vector>

#include <sluice/core/bits.h>
#include <sluice/kernels/cuda/grid.h>
#include <sluice/kernels/cuda/launch.h>
#include <sluice/kernels/reorder/reorder_cuda_memory_order.h>
#include <sluice/kernels/shared/lowering.h>

namespace sluice {
namespace {

using cuda::MemoryOrder;

/// From any layout to any other: y[place], padding included.
template <class Word>
__global__ void reorder_kernel(MemoryOrder from, MemoryOrder to, std::int64_t places, const Word* x, Word* y) {
  for (std::int64_t place = cuda::grid_thread(); place < places; place += cuda::grid_threads()) {
    const std::int64_t element = to.element(place);
    y[place] = element < 0 ? Word{} : x[from.place(element)];
  }
}

/// The same for bits: a warp makes a word.
__global__ void reorder_bits_kernel(MemoryOrder from, MemoryOrder to, std::int64_t places, const std::uint32_t* x,
                                    std::uint32_t* y) {
  const std::int64_t lane = threadIdx.x % cuda::warp_threads;
  for (std::int64_t first = cuda::grid_thread() - lane; first < places; first += cuda::grid_threads()) {
    const std::int64_t element = first + lane < places ? to.element(first + lane) : -1;
    const std::uint32_t word =
        __ballot_sync(cuda::whole_warp, element >= 0 && get_bit(x, from.place(element < 0 ? 0 : element)));
    if (lane == 0) y[first / word_bits] = word;
  }
}

/// [batch][rows][columns] → [batch][columns][rows].
struct Transposition {
  std::int64_t batch, rows, columns;
};

constexpr int tile = 32;       // rows and columns that a block takes at once
constexpr int tile_lines = 8;  // of them, how many at a time
static_assert(tile * tile_lines == cuda::block_threads);

/// Through shared memory, so that both sides are read and written along their rows.
template <class Word>
__global__ void transpose_kernel(Transposition t, const Word* x, Word* y) {
  __shared__ Word part[tile][tile + 1];  // one more, so that a column is spread over the banks
  const std::int64_t row_tiles = (t.rows + tile - 1) / tile, column_tiles = (t.columns + tile - 1) / tile;
  const int lane = static_cast<int>(threadIdx.x) % tile, line = static_cast<int>(threadIdx.x) / tile;
  for (std::int64_t i = blockIdx.x; i < t.batch * row_tiles * column_tiles; i += gridDim.x) {
    const std::int64_t column = i % column_tiles * tile, row = i / column_tiles % row_tiles * tile;
    const std::int64_t first = i / (column_tiles * row_tiles) * t.rows * t.columns;
    for (int k = line; k < tile; k += tile_lines)
      if (row + k < t.rows && column + lane < t.columns)
        part[k][lane] = x[first + (row + k) * t.columns + column + lane];
    __syncthreads();
    for (int k = line; k < tile; k += tile_lines)
      if (column + k < t.columns && row + lane < t.rows) y[first + (column + k) * t.rows + row + lane] = part[lane][k];
    __syncthreads();
  }
}

/// For few rows or columns, of which a tile would hold little: caches serve the side that is not read along its rows.
template <class Word>
__global__ void transpose_narrow_kernel(Transposition t, const Word* x, Word* y) {
  const std::int64_t matrix = t.rows * t.columns;
  for (std::int64_t i = cuda::grid_thread(); i < t.batch * matrix; i += cuda::grid_threads()) {
    const std::int64_t column = i / t.rows % t.columns, row = i % t.rows;
    y[i] = x[i / matrix * matrix + row * t.columns + column];
  }
}

/// The dimensions as they lie, outermost first, without those of one index.
std::vector<int> memory_dims(const LoweredValue& value) {
  std::vector<int> dims;
  for (int i = 0; i < value.dims.rank(); ++i) {
    const int d = value.layout.order().empty() ? i : value.layout.order()[static_cast<std::size_t>(i)];
    if (value.dims[d] > 1) dims.push_back(d);
  }
  return dims;
}

/// How to get from one layout to the other by swapping two runs of dimensions, where that is the difference: plain and
/// channels last, or a transposed weight. Of equal ones, by swapping with nothing.
std::optional<Transposition> transposition(const LoweredValue& from, const LoweredValue& to) {
  for (const LoweredValue* value : {&from, &to})
    if (!value->layout.blocks().empty() || value->layout.groups() > 1) return std::nullopt;
  const std::vector<int> x = memory_dims(from), y = memory_dims(to);
  const auto differs = std::mismatch(x.begin(), x.end(), y.begin()).first;
  std::vector<int> swapped = x;
  auto second = differs;  // where the second run begins
  if (differs != x.end()) {
    second = std::find(differs, x.end(), y[static_cast<std::size_t>(differs - x.begin())]);
    std::rotate(swapped.begin() + (differs - x.begin()), swapped.begin() + (second - x.begin()), swapped.end());
  }
  if (swapped != y) return std::nullopt;
  const auto elements = [&](auto begin, auto end) {
    std::int64_t product = 1;
    for (; begin != end; ++begin) product *= from.dims[*begin];
    return product;
  };
  return Transposition{elements(x.begin(), differs), elements(differs, second), elements(second, x.end())};
}

template <class Word>
std::unique_ptr<Kernel> lower_transposition(const cuda::Queue& queue, const Transposition& t) {
  const bool narrow = std::min(t.rows, t.columns) < tile / 2;
  return make_kernel([queue, t, narrow](const Addresses& at, const RunContext&) {
    const auto* x = static_cast<const Word*>(at.inputs[0]);
    auto* y = static_cast<Word*>(at.outputs[0]);
    const std::int64_t elements = t.batch * t.rows * t.columns;
    if (narrow)
      cuda::launch(queue, elements, transpose_narrow_kernel<Word>, t, x, y);
    else
      cuda::launch(queue, elements / (tile / tile_lines), transpose_kernel<Word>, t, x, y);
  });
}

template <class Word>
std::unique_ptr<Kernel> lower_words(const cuda::Queue& queue, const LoweredValue& from, const LoweredValue& to) {
  if (const auto swap = transposition(from, to)) return lower_transposition<Word>(queue, *swap);
  return make_kernel([queue, from = MemoryOrder(from.layout, from.dims), to_order = MemoryOrder(to.layout, to.dims),
                      places = to.padded_elements()](const Addresses& at, const RunContext&) {
    cuda::launch(queue, places, reorder_kernel<Word>, from, to_order, places, static_cast<const Word*>(at.inputs[0]),
                 static_cast<Word*>(at.outputs[0]));
  });
}

std::unique_ptr<Kernel> lower_bits(const cuda::Queue& queue, const LoweredValue& from, const LoweredValue& to) {
  return make_kernel([queue, from = MemoryOrder(from.layout, from.dims), to_order = MemoryOrder(to.layout, to.dims),
                      places = to.padded_elements()](const Addresses& at, const RunContext&) {
    cuda::launch(queue, places, reorder_bits_kernel, from, to_order, places,
                 static_cast<const std::uint32_t*>(at.inputs[0]), static_cast<std::uint32_t*>(at.outputs[0]));
  });
}

// Looks at the two values only: the op behind it may be of any class.
std::unique_ptr<Kernel> lower_reorder(LoweringContext& context) {
  const LoweredValue &from = context.input(0), &to = context.output(0);
  const cuda::Queue& queue = cuda::queue(context);
  if (from.dtype == DType::bit) return lower_bits(queue, from, to);
  switch (size_bytes(from.dtype)) {
    case 1: return lower_words<std::uint8_t>(queue, from, to);
    case 2: return lower_words<std::uint16_t>(queue, from, to);
    case 4: return lower_words<std::uint32_t>(queue, from, to);
    default: return lower_words<std::uint64_t>(queue, from, to);
  }
}

}  // namespace

void register_reorder_cuda(KernelTable& table) { table.add("reorder", lower_reorder); }

}  // namespace sluice
