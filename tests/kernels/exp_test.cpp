#include <sluice/kernels/cpu/exp.h>

#include <cmath>
#include <limits>
#include <vector>

#include <gtest/gtest.h>

#include <sluice/kernels/cpu/parallel.h>

namespace sluice::test {
namespace {

// As kernels use it: vectorised, and compiled for this machine's instructions, which round products differently.
SLUICE_CLONES void exp_range(const float* x, float* y, std::int64_t count) {
#pragma omp simd
  for (std::int64_t i = 0; i < count; ++i) y[i] = cpu::Exp{}(x[i]);
}

std::vector<float> exp_of_all(const std::vector<float>& x) {
  std::vector<float> y(x.size());
  exp_range(x.data(), y.data(), static_cast<std::int64_t>(x.size()));
  return y;
}

/// A sample of all floats from 0 to `end`, dense in every binade, times `sign`.
std::vector<float> floats_to(float end, float sign) {
  std::vector<float> x;
  for (std::uint32_t bits = 0; std::bit_cast<float>(bits) <= end; bits += 601)
    x.push_back(sign * std::bit_cast<float>(bits));
  return x;
}

TEST(Exp, IsAccurateOverTheWholeRange) {
  constexpr double largest = std::numeric_limits<float>::max(), smallest = std::numeric_limits<float>::denorm_min();
  for (const std::vector<float>& x : {floats_to(90, 1), floats_to(110, -1)}) {
    const std::vector<float> y = exp_of_all(x);
    for (std::size_t i = 0; i < x.size(); ++i) {
      const double exact = std::exp(static_cast<double>(x[i]));
      if (exact > largest * (1 + 2e-7)) {
        ASSERT_EQ(y[i], std::numeric_limits<float>::infinity()) << x[i];
      } else if (std::isinf(y[i])) {
        ASSERT_GT(exact, largest * (1 - 2e-7)) << x[i];
      } else {
        const double error = std::abs(static_cast<double>(y[i]) - exact);
        ASSERT_LE(error, 2e-7 * exact + smallest) << x[i];
      }
    }
  }
}

TEST(Exp, OfWhatIsNoOrdinaryNumber) {
  constexpr float inf = std::numeric_limits<float>::infinity(), nan = std::numeric_limits<float>::quiet_NaN();
  // Enough of each for whole vectors.
  const auto one = [](float x) {
    const std::vector<float> y = exp_of_all(std::vector<float>(37, x));
    for (const float value : y) EXPECT_EQ(std::isnan(value) ? 0 : value, std::isnan(y[0]) ? 0 : y[0]);
    return y[0];
  };
  EXPECT_EQ(one(0.0f), 1);
  EXPECT_EQ(one(-0.0f), 1);
  EXPECT_EQ(one(inf), inf);
  EXPECT_EQ(one(3e38f), inf);
  EXPECT_EQ(one(-inf), 0);
  EXPECT_EQ(one(-3e38f), 0);
  EXPECT_TRUE(std::isnan(one(nan)));
  EXPECT_TRUE(std::isnan(one(-nan)));
}

}  // namespace
}  // namespace sluice::test
