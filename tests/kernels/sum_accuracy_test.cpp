// Where kernels add many numbers, their error against float64 is at most twice that of PyTorch's fp32 on the CPU: root
// mean square and largest, over three seeds, for numbers of both signs and of one.

#include <cmath>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <sluice/core/device_run.h>
#include <sluice/core/evaluate.h>
#include <sluice/core/parameter.h>
#include <sluice/core/structural.h>
#include <sluice/kernels/adaptive_avg_pool2d/adaptive_avg_pool2d.h>
#include <sluice/kernels/avg_pool2d/avg_pool2d.h>
#include <sluice/kernels/batch_norm/batch_norm.h>
#include <sluice/kernels/bias/bias.h>
#include <sluice/kernels/conv2d/conv2d.h>
#include <sluice/kernels/cross_entropy/cross_entropy.h>
#include <sluice/kernels/global_avg_pool2d/global_avg_pool2d.h>
#include <sluice/kernels/linear/linear.h>
#include <sluice/kernels/reduce/reduce.h>
#include <sluice/kernels/reference/reference_backend.h>
#include <sluice/kernels/softmax/softmax.h>
#include <sluice/kernels/upsample_nearest2d/upsample_nearest2d.h>

#include "support/device_under_test.h"
#include "support/run_kernel.h"
#include "support/tensors.h"

namespace sluice::test {
namespace {

struct Error {
  double rms, max;
};
struct Standard {
  const char* name;
  Error of[2];  ///< for numbers in [-1,1), in [0,1)
};

#include "pytorch_sum_errors.h"

constexpr std::uint64_t seeds[] = {1, 2, 3};
constexpr double most = 2;  ///< times PyTorch's error

/// As numbers() of the script, times `scale`.
Tensor numbers(const Shape& shape, std::uint64_t seed, bool positive, float scale) {
  Tensor tensor(shape);
  std::uint64_t index = seed << 32;
  for (float& value : tensor.values<float>()) {
    std::uint64_t z = ++index * 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    const float unit = static_cast<float>((z ^ (z >> 31)) >> 40) / 16777216.0f;
    value = scale * (positive ? unit : 2 * unit - 1);
  }
  return tensor;
}

/// An operand: of samples, or a parameter.
struct Operand {
  Shape shape;  ///< with N, for samples
  Scope scope = Scope::sample;
  float scale = 1;
};

struct SumCase {
  std::string standard;
  std::vector<Operand> operands;
  std::function<Var(std::span<const Var>)> build;
};

/// Errors of one kind of numbers, over all seeds.
class Errors {
 public:
  void add(const Tensor& got, const Tensor& right) {
    const std::vector<double> a = doubles(got), b = doubles(right);
    ASSERT_EQ(a.size(), b.size());
    for (std::size_t i = 0; i < a.size(); ++i) {
      const double error = std::abs(a[i] - b[i]);
      squares_ += error * error;
      scale_ += b[i] * b[i];
      max_ = std::isnan(error) ? error : std::max(max_, error);
    }
    count_ += static_cast<double>(a.size());
  }
  Error relative() const { return {std::sqrt(squares_ / scale_), max_ / std::sqrt(scale_ / count_)}; }

 private:
  double squares_ = 0, scale_ = 0, max_ = 0, count_ = 0;
};

void expect_within(const std::string& standard, const std::string& where, bool positive, const Error& got) {
  for (const Standard& s : standards) {
    if (s.name != standard) continue;
    const Error& pytorch = s.of[positive ? 1 : 0];
    const std::string what = standard + where + (positive ? "_positive" : "");
    EXPECT_LE(got.rms, most * pytorch.rms) << what << ": " << got.rms / pytorch.rms << " times PyTorch's";
    EXPECT_LE(got.max, most * pytorch.max) << what << ": largest " << got.max / pytorch.max << " times PyTorch's";
    testing::Test::RecordProperty(what + "_rms", std::to_string(got.rms / pytorch.rms));
    testing::Test::RecordProperty(what + "_max", std::to_string(got.max / pytorch.max));
    return;
  }
  ADD_FAILURE() << "no standard for " << standard;
}

void check(const SumCase& test) {
  register_reference_device();
  for (const bool positive : {false, true}) {
    Errors errors;
    for (const std::uint64_t seed : seeds) {
      Graph graph;
      std::vector<Var> vars;
      std::map<std::string, Tensor> inputs;
      for (std::size_t i = 0; i < test.operands.size(); ++i) {
        const Operand& operand = test.operands[i];
        const Tensor value = numbers(operand.shape, 10 * seed + i, positive, operand.scale);
        const std::string name(1, static_cast<char>('a' + i));
        if (operand.scope == Scope::batch) {
          vars.push_back(graph.parameter(Parameter(value, name)));
        } else {
          vars.push_back(graph.input(name, operand.shape.without_leading()));
          inputs.emplace(name, value);
        }
      }
      const Var y = test.build(vars);
      errors.add(evaluate_under_test(y, inputs), evaluate(y, inputs, {.device = Device::reference()}));
    }
    expect_within(test.standard, "", positive, errors.relative());
  }
}

/// The case's first node, on samples in every layout that activations have.
void check_layouts(const SumCase& test) {
  register_reference_device();
  for (const auto& [name, layout] :
       {std::pair("_plain", Layout()), std::pair("_last", Layout::channels_last()),
        std::pair("_8", Layout::channel_blocked(8)), std::pair("_16", Layout::channel_blocked(16))})
    for (const bool positive : {false, true}) {
      Errors errors;
      for (const std::uint64_t seed : seeds) {
        Graph graph;
        const Operand& x = test.operands[0];
        test.build(std::vector{graph.input("x", x.shape.without_leading())});
        KernelCase kernel{.op = graph.node(0).op,
                          .inputs = {{.value = numbers(x.shape, 10 * seed, positive, x.scale), .layout = layout}}};
        const Tensor got = run_kernel(kernel).outputs[0];
        kernel.device = Device::reference();
        kernel.inputs[0].layout = Layout();
        errors.add(got, run_kernel(kernel).outputs[0]);
      }
      expect_within(test.standard, name, positive, errors.relative());
    }
}

TEST(SumAccuracy, MeansOfMaps) {
  for (const std::int64_t size : {13, 32, 56})
    for (const char* standard : {"mean_", "adaptive_"})
      check_layouts({standard + std::to_string(size), {{{4, 16, size, size}}}, [](auto in) {
                       return adaptive_avg_pool2d(in[0], 1);
                     }});
}

TEST(SumAccuracy, MeansOfWindows) {
  check_layouts({"adaptive_2_56", {{{4, 16, 56, 56}}}, [](auto in) { return adaptive_avg_pool2d(in[0], 2); }});
  for (const std::int64_t size : {3, 14, 28})
    check_layouts({"avg_pool_" + std::to_string(size), {{{4, 16, 56, 56}}}, [=](auto in) {
                     return avg_pool2d(in[0], {.kernel = size});
                   }});
}

// Windows that do not tile the map: ours are the same as PyTorch's mean of the part.
TEST(SumAccuracy, MeansOfOverlappingWindows) {
  check_layouts({"adaptive_2_56", {{{4, 16, 57, 57}}}, [](auto in) { return adaptive_avg_pool2d(in[0], 2); }});
}

TEST(SumAccuracy, MeansOfInfinityAreInfinite) {
  Tensor x({1, 4, 6, 6});
  x.values<float>()[7] = INFINITY;
  for (const Layout& layout : {Layout(), Layout::channels_last()}) {
    Graph graph;
    avg_pool2d(graph.input("x", {4, 6, 6}), {.kernel = 6});
    const KernelResult got = run_kernel({.op = graph.node(0).op, .inputs = {{.value = x, .layout = layout}}});
    EXPECT_EQ(doubles(got.outputs[0]), (std::vector<double>{INFINITY, 0, 0, 0}));
  }
}

TEST(SumAccuracy, GradientsOfMaps) {
  check({"avg_pool_grad_7", {{{4, 16, 50, 50}}}, [](auto in) {
           return avg_pool2d_grad(in[0], 56, 56, {.kernel = 7, .stride = 1});
         }});
  check({"adaptive_grad_56", {{{4, 16}}}, [](auto in) { return global_avg_pool2d_grad(in[0], 56, 56); }});
  check_layouts({"upsample_grad_8", {{{4, 16, 56, 56}}}, [](auto in) { return upsample_nearest2d_grad(in[0], 8); }});
  check_layouts({"bias_grad", {{{32, 16, 32, 32}}}, [](auto in) { return bias_grad(in[0]); }});
}

TEST(SumAccuracy, Reductions) {
  check({"sum_per_sample", {{{16, 65536}}}, [](auto in) { return sum_per_sample(in[0]); }});
  check({"batch_sum", {{{4096, 64}}}, [](auto in) { return batch_sum(in[0]); }});
}

TEST(SumAccuracy, Softmax) {
  const auto y = [](auto in) { return softmax(in[0]); };
  const auto dx = [](auto in) { return softmax_grad(softmax(in[0]), in[1]); };
  check({"softmax_1000", {{{64, 1000}, Scope::sample, 8}}, y});
  check({"softmax_30000", {{{8, 30000}, Scope::sample, 8}}, y});
  check({"softmax_map", {{{2, 1000, 8, 8}, Scope::sample, 8}}, y});
  check({"softmax_grad", {{{64, 1000}, Scope::sample, 8}, {{64, 1000}}}, dx});
  check({"softmax_grad_map", {{{2, 1000, 8, 8}, Scope::sample, 8}, {{2, 1000, 8, 8}}}, dx});
}

/// Logits with the labels that the script has: `step` · index, modulo the classes.
void check_cross_entropy(const std::string& standard, const Shape& logits, std::int32_t step) {
  register_reference_device();
  const Shape label_shape = logits.rank() == 2 ? Shape{logits[0]} : Shape{logits[0], logits[2], logits[3]};
  Tensor labels(label_shape, DType::i32);
  std::int32_t index = 0;
  for (std::int32_t& label : labels.values<std::int32_t>())
    label = step * index++ % static_cast<std::int32_t>(logits[1]);
  for (const bool positive : {false, true}) {
    Errors errors;
    for (const std::uint64_t seed : seeds) {
      Graph graph;
      const Var loss = cross_entropy_loss(graph.input("x", logits.without_leading()),
                                          graph.input("label", label_shape.without_leading(), DType::i32));
      const std::map<std::string, Tensor> inputs{{"x", numbers(logits, 10 * seed, positive, 8)}, {"label", labels}};
      errors.add(evaluate_under_test(loss, inputs), evaluate(loss, inputs, {.device = Device::reference()}));
    }
    expect_within(standard, "", positive, errors.relative());
  }
}

TEST(SumAccuracy, CrossEntropy) {
  check_cross_entropy("cross_entropy", {64, 1000}, 15);
  check_cross_entropy("cross_entropy_map", {2, 20, 64, 64}, 1);
}

TEST(SumAccuracy, BatchNorm) {
  check({"batch_norm", {{{16, 16, 32, 32}}}, [](auto in) {
           Graph& graph = in[0].graph();
           return batch_norm(in[0], graph.parameter(Parameter(Tensor::of<float>({16}, std::vector<float>(16, 1)))),
                             graph.parameter(Parameter(Tensor({16}))));
         }});
}

void check_matrix_products() {
  for (const std::int64_t k : {512, 4096, 16384}) {
    const std::string size = std::to_string(k);
    check({"linear_" + size, {{{64, k}}, {{32, k}, Scope::batch}}, [](auto in) { return linear(in[0], in[1]); }});
    check({"linear_grad_input_" + size, {{{64, k}}, {{k, 32}, Scope::batch}}, [](auto in) {
             return linear_grad_input(in[0], in[1]);
           }});
    check({"linear_grad_weight_" + size, {{{k, 64}}, {{k, 32}}}, [](auto in) {
             return linear_grad_weight(in[0], in[1]);
           }});
  }
}

// Contractions are cuBLAS's and cuDNN's on a CUDA device.
class Contractions : public testing::Test {
 protected:
  void SetUp() override {
    if (device_under_test().kind() != Device::Kind::cpu) GTEST_SKIP() << "contractions of a library";
  }
};

TEST_F(Contractions, MatrixProductsInEveryPrecision) {
  for (const Precision precision : {Precision::fp32, Precision::strict}) {
    const DeviceRun run(device_under_test().backend(), precision);
    const DeviceRun::Scope scope(run);
    check_matrix_products();
  }
}

TEST_F(Contractions, ConvolutionsInStrictPrecision) {
  const DeviceRun run(device_under_test().backend(), Precision::strict);
  const DeviceRun::Scope scope(run);
  const Conv2dOptions options{.padding = 1};
  // The gradient by the input adds as many products as forward. Which of the two a library adds up more finely depends
  // on the instruction set, so both have the standard of forward.
  for (const std::int64_t c : {16, 64}) {
    const std::string size = std::to_string(c);
    const Operand x{{4, c, 16, 16}}, w{{c, c, 3, 3}, Scope::batch};
    check({"conv_" + size, {x, w}, [&](auto in) { return conv2d(in[0], in[1], options); }});
    check({"conv_" + size, {x, w}, [&](auto in) { return conv2d_grad_input(in[0], in[1], {c, 16, 16}, options); }});
    check({"conv_grad_weight_" + size, {x, x}, [&](auto in) { return conv2d_grad_weight(in[0], in[1], 3, options); }});
  }
}

}  // namespace
}  // namespace sluice::test
