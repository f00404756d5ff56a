#include <sluice/kernels/batch_norm/batch_norm_cpu_loops.h>

#include <sluice/kernels/shared/relu_mask_cpu.h>

namespace sluice::cpu {
namespace {

constexpr std::int64_t block_channels = 16;  // the inner block of AVX-512 layouts: its loops unroll into registers

#define SLUICE_INLINE [[gnu::always_inline]] inline

// Each body is inlined into a function marked SLUICE_CLONES, once with a constant `inner` and once with any.

SLUICE_INLINE void moments_body(const float* x, double* sums, std::int64_t spatial, std::int64_t inner) {
  for (std::int64_t s = 0; s < spatial; ++s, x += inner)
#pragma omp simd
    for (std::int64_t i = 0; i < inner; ++i) {
      const auto value = static_cast<double>(x[i]);
      sums[i] += value;
      sums[inner + i] += value * value;
    }
}

SLUICE_INLINE void moments_plain(const float* x, double* sums, std::int64_t spatial) {
  double sum = 0, squares = 0;
#pragma omp simd reduction(+ : sum, squares)
  for (std::int64_t s = 0; s < spatial; ++s) {
    const auto value = static_cast<double>(x[s]);
    sum += value;
    squares += value * value;
  }
  sums[0] += sum;
  sums[1] += squares;
}

template <bool add, bool relu>
SLUICE_INLINE void normalize_body(const float* x, const float* addend, float* y, const Normalization& n,
                                  std::int64_t spatial, std::int64_t inner) {
  const float *center = n.row(0), *slope = n.row(1), *offset = n.row(2);
  const auto one = [&](std::int64_t at, std::int64_t i) {
    float value = (x[at] - center[i]) * slope[i] + offset[i];
    if constexpr (add) value += addend[at];
    if constexpr (relu) value = value < 0 ? 0 : value;  // a NaN stays
    y[at] = value;
  };
  if (inner == 1) {
#pragma omp simd
    for (std::int64_t s = 0; s < spatial; ++s) one(s, 0);
    return;
  }
  for (std::int64_t s = 0; s < spatial; ++s)
#pragma omp simd
    for (std::int64_t i = 0; i < inner; ++i) one(s * inner + i, i);
}

template <bool relu>
SLUICE_INLINE void grad_sums_body(const float* dy, const float* x, const Normalization& n, double* sums,
                                  std::int64_t spatial, std::int64_t inner) {
  const float *center = n.row(0), *slope = n.row(1), *offset = n.row(2);
  for (std::int64_t s = 0; s < spatial; ++s, dy += inner, x += inner)
    for (std::int64_t first = 0; first < inner; first += block_channels) {
      // The comparison in a loop of its own: beside doubles it is not vectorised.
      float d[block_channels], centered[block_channels];
      const std::int64_t count = inner - first < block_channels ? inner - first : block_channels;
#pragma omp simd
      for (std::int64_t i = 0; i < count; ++i) {
        centered[i] = x[first + i] - center[first + i];
        d[i] = dy[first + i];
        if constexpr (relu) d[i] = centered[i] * slope[first + i] + offset[first + i] <= 0 ? 0 : d[i];
      }
#pragma omp simd
      for (std::int64_t i = 0; i < count; ++i) {
        sums[first + i] += static_cast<double>(d[i]);
        sums[inner + first + i] += static_cast<double>(d[i]) * static_cast<double>(centered[i]);
      }
    }
}

template <bool relu>
SLUICE_INLINE void grad_sums_plain(const float* dy, const float* x, const Normalization& n, double* sums,
                                   std::int64_t spatial) {
  const float center = *n.row(0), slope = *n.row(1), offset = *n.row(2);
  constexpr std::int64_t tile = 64;
  double sum = 0, products = 0;
  for (std::int64_t first = 0; first < spatial; first += tile) {
    float d[tile], centered[tile];
    const std::int64_t count = spatial - first < tile ? spatial - first : tile;
#pragma omp simd
    for (std::int64_t s = 0; s < count; ++s) {
      centered[s] = x[first + s] - center;
      d[s] = dy[first + s];
      if constexpr (relu) d[s] = centered[s] * slope + offset <= 0 ? 0 : d[s];
    }
#pragma omp simd reduction(+ : sum, products)
    for (std::int64_t s = 0; s < count; ++s) {
      sum += static_cast<double>(d[s]);
      products += static_cast<double>(d[s]) * static_cast<double>(centered[s]);
    }
  }
  sums[0] += sum;
  sums[1] += products;
}

template <bool relu, bool through_moments>
SLUICE_INLINE void grad_input_body(const float* dy, const float* x, float* dx, const Normalization& n,
                                   const Normalization& gradient, std::int64_t spatial, std::int64_t inner) {
  const float *center = n.row(0), *slope = n.row(1), *offset = n.row(2);
  const float *by_dy = gradient.row(0), *by_x = gradient.row(1), *constant = gradient.row(2);
  const auto one = [&](std::int64_t at, std::int64_t i) {
    const float centered = x[at] - center[i];
    float d = dy[at];
    if constexpr (relu) d = centered * slope[i] + offset[i] <= 0 ? 0 : d;
    if constexpr (through_moments)
      dx[at] = d * by_dy[i] + centered * by_x[i] + constant[i];
    else
      dx[at] = d * by_dy[i];
  };
  if (inner == 1) {
#pragma omp simd
    for (std::int64_t s = 0; s < spatial; ++s) one(s, 0);
    return;
  }
  for (std::int64_t s = 0; s < spatial; ++s)
#pragma omp simd
    for (std::int64_t i = 0; i < inner; ++i) one(s * inner + i, i);
}

SLUICE_CLONES void moments_any(const float* x, double* sums, std::int64_t spatial, std::int64_t inner) {
  if (inner == 1) return moments_plain(x, sums, spatial);
  if (inner == block_channels) return moments_body(x, sums, spatial, block_channels);
  moments_body(x, sums, spatial, inner);
}

// One function for each combination, because functions with clones cannot be templates.
#define SLUICE_NORMALIZE(name, add, relu)                                                                              \
  SLUICE_CLONES void name(const float* x, const float* addend, float* y, const Normalization& n, std::int64_t spatial, \
                          std::int64_t inner) {                                                                        \
    if (inner == block_channels) return normalize_body<add, relu>(x, addend, y, n, spatial, block_channels);           \
    normalize_body<add, relu>(x, addend, y, n, spatial, inner);                                                        \
  }
SLUICE_NORMALIZE(normalize, false, false)
SLUICE_NORMALIZE(normalize_relu, false, true)
SLUICE_NORMALIZE(normalize_add, true, false)
SLUICE_NORMALIZE(normalize_add_relu, true, true)

/// A coefficient of each of 32 elements side by side, where `inner` divides 32.
struct WordCoefficients {
  float of[word_bits];

  WordCoefficients(const float* row, std::int64_t inner) {
    for (std::int64_t i = 0; i < inner; ++i)
      for (std::int64_t at = i; at < word_bits; at += inner) of[at] = row[i];
  }
};

#define SLUICE_NORMALIZE_MASKED(isa, above_zero)                                                                       \
  isa void normalize_words(const float* x, const float* addend, float* y, std::uint32_t* mask, const Normalization& n, \
                           std::int64_t words, std::int64_t inner) {                                                   \
    const WordCoefficients center(n.row(0), inner), slope(n.row(1), inner), offset(n.row(2), inner);                   \
    for (std::int64_t w = 0; w < words; ++w, x += word_bits, addend += word_bits, y += word_bits) {                    \
      _Pragma("omp simd") for (std::int64_t i = 0; i < word_bits; ++i) {                                               \
        const float value = (x[i] - center.of[i]) * slope.of[i] + offset.of[i] + addend[i];                            \
        y[i] = value < 0 ? 0 : value;                                                                                  \
      }                                                                                                                \
      mask[w] = above_zero(y);                                                                                         \
    }                                                                                                                  \
  }
SLUICE_PER_ISA(SLUICE_NORMALIZE_MASKED)

#define SLUICE_GRAD_SUMS(name, relu)                                                                                   \
  SLUICE_CLONES void name(const float* dy, const float* x, const Normalization& n, double* sums, std::int64_t spatial, \
                          std::int64_t inner) {                                                                        \
    if (inner == 1) return grad_sums_plain<relu>(dy, x, n, sums, spatial);                                             \
    if (inner == block_channels) return grad_sums_body<relu>(dy, x, n, sums, spatial, block_channels);                 \
    grad_sums_body<relu>(dy, x, n, sums, spatial, inner);                                                              \
  }
SLUICE_GRAD_SUMS(grad_sums, false)
SLUICE_GRAD_SUMS(grad_sums_relu, true)

#define SLUICE_GRAD_INPUT(name, relu, through)                                                       \
  SLUICE_CLONES void name(const float* dy, const float* x, float* dx, const Normalization& n,        \
                          const Normalization& gradient, std::int64_t spatial, std::int64_t inner) { \
    if (inner == block_channels)                                                                     \
      return grad_input_body<relu, through>(dy, x, dx, n, gradient, spatial, block_channels);        \
    grad_input_body<relu, through>(dy, x, dx, n, gradient, spatial, inner);                          \
  }
SLUICE_GRAD_INPUT(grad_input, false, true)
SLUICE_GRAD_INPUT(grad_input_relu, true, true)
SLUICE_GRAD_INPUT(grad_input_fixed, false, false)
SLUICE_GRAD_INPUT(grad_input_fixed_relu, true, false)

}  // namespace

void moments_block(const float* x, double* sums, std::int64_t spatial, std::int64_t inner) {
  moments_any(x, sums, spatial, inner);
}

void normalize_block(const float* x, const float* addend, float* y, const Normalization& n, std::int64_t spatial,
                     std::int64_t inner, bool relu) {
  const auto function = addend ? (relu ? normalize_add_relu : normalize_add) : (relu ? normalize_relu : normalize);
  function(x, addend, y, n, spatial, inner);
}

void normalize_masked_block(const float* x, const float* addend, float* y, std::uint32_t* mask, const Normalization& n,
                            std::int64_t spatial, std::int64_t inner) {
  const std::int64_t count = spatial * inner;
  if (inner == 16 || inner == 8 || inner == 1) return normalize_words(x, addend, y, mask, n, count / word_bits, inner);
  normalize_add_relu(x, addend, y, n, spatial, inner);
  write_mask(y, mask, count);
}

void grad_sums_block(const float* dy, const float* x, const Normalization& n, double* sums, std::int64_t spatial,
                     std::int64_t inner, bool relu) {
  (relu ? grad_sums_relu : grad_sums)(dy, x, n, sums, spatial, inner);
}

void grad_input_block(const float* dy, const float* x, float* dx, const Normalization& n, const Normalization& gradient,
                      std::int64_t spatial, std::int64_t inner, bool relu, bool through_moments) {
  const auto function =
      through_moments ? (relu ? grad_input_relu : grad_input) : (relu ? grad_input_fixed_relu : grad_input_fixed);
  function(dy, x, dx, n, gradient, spatial, inner);
}

}  // namespace sluice::cpu
