#include <sluice/kernels/concat/concat.h>

#include <numeric>

#include <gtest/gtest.h>

#include <sluice/core/error.h>
#include <sluice/core/evaluate.h>

#include "support/check_op.h"
#include "support/device_under_test.h"
#include "support/run_kernel.h"
#include "support/tensors.h"

namespace sluice::test {
namespace {

struct Case {
  std::string name;
  std::int64_t n;
  std::vector<std::int64_t> channels;
  std::vector<std::int64_t> spatial;

  Shape shape(std::int64_t c) const {
    std::vector<std::int64_t> dims{c};
    dims.insert(dims.end(), spatial.begin(), spatial.end());
    return Shape(dims);
  }
  std::int64_t total() const { return std::accumulate(channels.begin(), channels.end(), std::int64_t{0}); }
  friend void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }
};

const std::vector<Case> cases = {
    {"Two", 3, {2, 3}, {4, 5}},
    {"WholeBlocks", 3, {16, 32}, {4, 4}},
    {"RestInTheLast", 3, {16, 20}, {3, 4}},
    {"RestInTheFirst", 3, {20, 16}, {3, 4}},
    {"BlocksThatDoNotMeet", 2, {5, 17, 33, 1}, {2, 3}},
    {"OneChannelEach", 1, {1, 1, 1}, {3, 3}},
    {"Features", 4, {7, 16, 3}, {}},
    {"OnePixel", 3, {16, 8}, {1, 1}},
    {"ManyThreads", 4, {32, 16}, {16, 16}},
};

const std::vector<Layout> layouts = {Layout(), Layout::channels_last(), Layout::channel_blocked(8),
                                     Layout::channel_blocked(16)};

class ConcatCases : public testing::TestWithParam<Case> {
 protected:
  std::vector<OpInput> inputs() const {
    std::vector<OpInput> inputs;
    for (std::size_t i = 0; i < c.channels.size(); ++i)
      inputs.push_back({"x" + std::to_string(i), c.shape(c.channels[i])});
    return inputs;
  }
  Tensor random(std::int64_t channels, std::uint64_t seed) const {
    return random_tensor(c.shape(channels).with_leading(c.n), DType::f32, -1, 1, seed);
  }

  const Case& c = GetParam();
};

TEST_P(ConcatCases, EqualsReferenceAndDifferences) {
  check_op(
      {.name = c.name, .inputs = inputs(), .build = [](auto in) { return std::vector{concat(in)}; }, .samples = c.n});
}

TEST_P(ConcatCases, SlicesAndPadsEqualReferenceAndDifferences) {
  const std::int64_t first = c.channels[0], count = c.channels[1];
  check_op({.name = "slice",
            .inputs = {{"x", c.shape(c.total())}},
            .build = [=](auto in) { return std::vector{slice_channels(in[0], first, count)}; },
            .samples = c.n});
  check_op({.name = "pad",
            .inputs = {{"x", c.shape(count)}},
            .build = [=, this](auto in) { return std::vector{pad_channels(in[0], first, c.total())}; },
            .samples = c.n});
}

// Nothing is ever reordered: each input is taken as it lies. run_kernel checks that padding holds zeros.
TEST_P(ConcatCases, TakesEveryMixtureOfLayouts) {
  if (c.spatial.size() != 2) GTEST_SKIP() << "these layouts are of images";
  Graph g;
  std::vector<Var> parts;
  for (const OpInput& input : inputs()) parts.push_back(g.input(input.name, input.shape));
  const Var y = concat(parts);
  slice_channels(y, c.channels[0], c.channels[1]);
  pad_channels(parts[1], c.channels[0], c.total());
  KernelCase test{.op = g.node(0).op, .inputs = {}};
  for (std::size_t i = 0; i < parts.size(); ++i) test.inputs.push_back({random(c.channels[i], i)});
  KernelCase slice{.op = g.node(1).op, .inputs = {{random(c.total(), 100)}}};
  KernelCase pad{.op = g.node(2).op, .inputs = {{random(c.channels[1], 101)}}};
  const auto expected = [](KernelCase kernel) {
    kernel.device = Device::reference();
    return run_kernel(kernel).outputs[0];
  };
  const Tensor expected_y = expected(test), expected_slice = expected(slice), expected_pad = expected(pad);
  for (std::size_t l = 0; l < layouts.size(); ++l) {
    SCOPED_TRACE(layouts[l].str(4));
    for (std::size_t step = 0; step < layouts.size(); ++step) {
      for (std::size_t i = 0; i < parts.size(); ++i) test.inputs[i].layout = layouts[(l + i * step) % layouts.size()];
      const KernelResult got = run_kernel(test);
      EXPECT_EQ(relative_error(got.outputs[0], expected_y), 0);
      for (std::size_t i = 0; i < parts.size(); ++i) EXPECT_EQ(got.input_layouts[i], *test.inputs[i].layout);
      EXPECT_EQ(got.output_layouts[0], layouts[l].is_plain() && step > 0 ? layouts[step] : layouts[l]);
    }
    for (auto& [kernel, values] : {std::pair(&slice, &expected_slice), std::pair(&pad, &expected_pad)}) {
      kernel->inputs[0].layout = layouts[l];
      const KernelResult got = run_kernel(*kernel);
      EXPECT_EQ(relative_error(got.outputs[0], *values), 0);
      EXPECT_EQ(got.output_layouts[0], layouts[l]);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Cases, ConcatCases, testing::ValuesIn(cases),
                         [](const auto& info) { return info.param.name; });

TEST(Concat, PutsChannelsSideBySide) {
  Graph g;
  const Var a = g.input("a", {1, 2}), b = g.input("b", {2, 2});
  const std::map<std::string, Tensor> values{{"a", Tensor::of<float>({2, 1, 2}, {1, 2, 3, 4})},
                                             {"b", Tensor::of<float>({2, 2, 2}, {5, 6, 7, 8, 9, 10, 11, 12})}};
  EXPECT_EQ(doubles(evaluate_under_test(concat({a, b}), values)),
            (std::vector<double>{1, 2, 5, 6, 7, 8, 3, 4, 9, 10, 11, 12}));
  EXPECT_EQ(doubles(evaluate_under_test(slice_channels(b, 1, 1), {values})), (std::vector<double>{7, 8, 11, 12}));
  EXPECT_EQ(doubles(evaluate_under_test(pad_channels(a, 1, 3), {values})),
            (std::vector<double>{0, 0, 1, 2, 0, 0, 0, 0, 3, 4, 0, 0}));
}

TEST(Concat, OfOneAndOfItself) {
  Graph g;
  const Var x = g.input("x", {3, 2, 2});
  EXPECT_EQ(concat({x}), x);
  EXPECT_EQ(slice_channels(x, 0, 3), x);
  check_op({.name = "twice", .inputs = {{"x", {3, 2, 2}}}, .build = [](auto in) {
              return std::vector{concat({in[0], in[0]})};
            }});
}

TEST(Concat, RefusesWhatDoesNotFit) {
  expect_shape_error(
      [](Graph& g) {
        concat({g.input("a", {3, 4, 4}), g.input("b", {3, 4, 5})});
      },
      {"concat: parts differ in more than their channels", "x0=f32[N,3,4,4]", "x1=f32[N,3,4,5]"});
  expect_shape_error(
      [](Graph& g) {
        concat({g.input("a", {3}), g.input("b", {})});
      },
      {"concat: a part has no channels", "x1=f32[N]"});
  expect_shape_error([](Graph& g) { concat({g.input("a", {3}), g.input("b", {3}, DType::i32)}); }, {"x1=i32[N,3]"});
  expect_shape_error([](Graph&) { concat({}); }, {"concat: nothing to put together"});
  for (const auto& [first, count] : {std::pair{-1, 2}, {0, 0}, {2, 2}, {3, 1}})
    expect_shape_error(
        [f = first, n = count](Graph& g) {
          slice_channels(g.input("x", {3, 4, 4}), f, n);
        },
        {"slice_channels: x does not have these channels: first=" + std::to_string(first), "x=f32[N,3,4,4]",
         "first + count <= C"});
  for (const auto& [first, channels] : {std::pair{-1, 5}, {0, 2}, {2, 4}})
    expect_shape_error(
        [f = first, n = channels](Graph& g) {
          pad_channels(g.input("x", {3, 4, 4}), f, n);
        },
        {"pad_channels: x does not fit", "x=f32[N,3,4,4]", "first + C <= count"});
}

}  // namespace
}  // namespace sluice::test
