// The body of the elementwise CUDA kernels, run on the host as every thread of a grid, one after the other.

#include <sluice/kernels/cuda/elementwise.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include <sluice/kernels/shared/relu_functors.h>

namespace sluice::test {
namespace {

constexpr float untouched = -77;

struct alignas(16) Four {
  float at[4] = {untouched, untouched, untouched, untouched};
};

/// Floats at an address that allows 16-byte accesses, with one pack of guards on each side.
class Packed {
 public:
  explicit Packed(std::int64_t count, unsigned seed = 0)
      : count_(count),
        memory_(static_cast<std::size_t>(count) / 4 + 3) {
    std::mt19937 engine(seed);
    for (std::int64_t i = 0; seed != 0 && i < count; ++i)
      data()[i] = std::uniform_real_distribution<float>(-1, 1)(engine);
  }
  float* data() { return memory_[1].at; }
  bool intact() {
    const float* const begin = memory_[0].at;
    const float* const end = begin + memory_.size() * 4;
    for (const float* p = begin; p < end; ++p)
      if ((p < data() || p >= data() + count_) && *p != untouched) return false;
    return true;
  }

 private:
  std::int64_t count_;
  std::vector<Four> memory_;
};

/// Two inputs that must not be mistaken for each other.
struct Select {
  float operator()(float y, float dy) const { return y > 0 ? dy : 0; }
};

template <int width>
void check_every_thread(std::int64_t count, std::int64_t threads, bool in_place) {
  Packed y(count, 1), dy(count, 2), dx(count);
  std::vector<float> expected;
  for (std::int64_t i = 0; i < count; ++i) expected.push_back(y.data()[i] > 0 ? dy.data()[i] : 0.0F);
  float* const to = in_place ? dy.data() : dx.data();

  std::vector<std::int64_t> order(static_cast<std::size_t>(threads));
  std::iota(order.begin(), order.end(), 0);
  std::shuffle(order.begin(), order.end(), std::mt19937(static_cast<unsigned>(count)));
  for (const std::int64_t thread : order)
    cuda::map_elements<width>(thread, threads, count, Select{}, to, y.data(), dy.data());

  EXPECT_EQ(std::vector<float>(to, to + count), expected) << count << " elements, " << threads << " threads";
  EXPECT_TRUE(y.intact() && dy.intact() && dx.intact()) << count << " elements, " << threads << " threads";
}

TEST(GridStride, EveryElementOnce) {
  for (const std::int64_t count : {1, 3, 4, 5, 63, 64, 1023, 4099})
    for (const std::int64_t threads : {1, 7, 256, 5000})
      for (const bool in_place : {false, true}) {
        check_every_thread<1>(count, threads, in_place);
        check_every_thread<4>(count, threads, in_place);
      }
}

TEST(GridStride, CountsWrites) {
  // relu∘relu is relu, so writing twice would hide above; adding one would not.
  struct AddOne {
    float operator()(float x) const { return x + 1; }
  };
  for (const std::int64_t count : {1, 6, 1001}) {
    Packed x(count);
    for (std::int64_t thread = 0; thread < 96; ++thread)
      cuda::map_elements<4>(thread, 96, count, AddOne{}, x.data(), x.data());
    for (std::int64_t i = 0; i < count; ++i) EXPECT_EQ(x.data()[i], untouched + 1);
  }
}

TEST(ReluFunctors, EdgesOfTheNumberLine) {
  constexpr float nan = std::numeric_limits<float>::quiet_NaN(), infinity = std::numeric_limits<float>::infinity();
  constexpr float tiny = std::numeric_limits<float>::denorm_min();
  const ReluFunctor relu;
  const ReluMaskFunctor open;
  const ReluGradFunctor grad;
  EXPECT_EQ(relu(-infinity), 0);
  EXPECT_EQ(relu(-tiny), 0);
  EXPECT_EQ(relu(-0.0F), 0);
  EXPECT_EQ(relu(tiny), tiny);
  EXPECT_EQ(relu(infinity), infinity);
  EXPECT_TRUE(std::isnan(relu(nan)));
  for (const float closed : {0.0F, -0.0F, -tiny, -infinity}) EXPECT_FALSE(open(closed)) << closed;
  EXPECT_TRUE(open(tiny) && open(infinity) && open(nan) && open(-nan));
  EXPECT_EQ(grad(false, infinity), 0);
  EXPECT_EQ(grad(false, nan), 0);
  EXPECT_EQ(grad(true, 3.0F), 3);
  EXPECT_TRUE(std::isnan(grad(true, nan)));
}

}  // namespace
}  // namespace sluice::test
