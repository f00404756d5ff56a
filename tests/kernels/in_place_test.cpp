// Every op that may write over an input, over each of those it names, in every layout and on several threads.

#include <functional>

#include <gtest/gtest.h>

#include <sluice/core/structural.h>
#include <sluice/kernels/add_relu/add_relu.h>
#include <sluice/kernels/arithmetic/arithmetic.h>
#include <sluice/kernels/batch_norm/batch_norm.h>
#include <sluice/kernels/batch_norm/batch_norm_ops.h>
#include <sluice/kernels/bias/bias.h>
#include <sluice/kernels/cross_entropy/cross_entropy.h>
#include <sluice/kernels/dropout/dropout.h>
#include <sluice/kernels/gelu/gelu.h>
#include <sluice/kernels/leaky_relu/leaky_relu.h>
#include <sluice/kernels/relu/relu.h>
#include <sluice/kernels/sigmoid/sigmoid.h>
#include <sluice/kernels/softmax/softmax.h>

#include "support/device_under_test.h"
#include "support/relu_mask.h"
#include "support/run_kernel.h"
#include "support/tensors.h"

namespace sluice::test {
namespace {

/// Where a case builds its node.
struct Operands {
  Graph& graph;
  Shape shape;

  Var a() const { return graph.input("a", shape); }
  Var b() const { return graph.input("b", shape); }
};

struct Case {
  std::string name;
  std::function<Var(const Operands&)> build;  ///< the op is that of the last node
  std::string inputs;                         ///< one letter each: what run() gives the kernel
  std::vector<int> in_place;

  friend void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }
};

Var add_relu(Var a, Var b) { return a.graph().add1(std::make_shared<AddReluOp>(), {a, b}); }

Var channel(const Operands& in) { return in.graph.parameter(Parameter(Tensor({in.shape[0]}))); }

template <bool relu, bool addend>
Var batch_norm_of(const Operands& in) {
  std::vector<Var> inputs{in.a(), in.graph.add1(std::make_shared<BatchMomentsOp>(), {in.a()}), channel(in),
                          channel(in)};
  if (addend) inputs.push_back(in.b());
  return in.graph.add(std::make_shared<BatchNormOp>(BatchNormTraits{.relu = relu}, addend), inputs)[0];
}

template <MomentsOf of, bool relu>
Var batch_norm_grad_of(const Operands& in) {
  const Var c = channel(in);
  const Var moments = of == MomentsOf::constant ? in.graph.add1(std::make_shared<FixedMomentsOp>(), {c, c})
                                                : in.graph.add1(std::make_shared<BatchMomentsOp>(), {in.a()});
  const BatchNormTraits traits{.moments_of = of, .relu = relu};
  std::vector<Var> inputs{in.a(), in.b(), moments, c, c};
  if (of != MomentsOf::constant)
    inputs.push_back(in.graph.add(std::make_shared<BatchNormGradSumsOp>(traits), inputs)[0]);
  return in.graph.add(std::make_shared<BatchNormGradInputOp>(traits), inputs)[0];
}

template <Var (*op)(Var)>
Var unary(const Operands& in) {
  return op(in.a());
}
template <Var (*op)(Var, Var)>
Var binary(const Operands& in) {
  return op(in.a(), in.b());
}
template <Var (*op)(Var, Var)>
Var with_batch_value(const Operands& in) {
  return op(in.a(), in.graph.parameter(Parameter(Tensor(in.shape))));
}

constexpr MomentsOf local = MomentsOf::micro_batch, constant = MomentsOf::constant;

// a, b: activations; p: such a batch value; m: a mask; s: a batch scalar; c: a number a channel; n, g: moments and sums
// of a gradient, by-products; f: moments of batch scope; l: labels.
const std::vector<Case> cases = {
    {"add", binary<add>, "ab", {0, 1}},
    {"add_batch_value", with_batch_value<add>, "ap", {0, 1}},
    {"sub", binary<sub>, "ab", {0, 1}},
    {"sub_batch_value", with_batch_value<sub>, "ap", {0, 1}},
    {"mul", binary<mul>, "ab", {0, 1}},
    {"mul_scalar", [](const Operands& in) { return mul(in.a(), in.graph.scalar("s")); }, "as", {0, 1}},
    {"scalar_minus", [](const Operands& in) { return sub(in.graph.scalar("s"), in.a()); }, "sa", {0, 1}},
    {"div", binary<div>, "ab", {0, 1}},
    {"add_relu", binary<add_relu>, "ab", {0, 1}},
    {"add_relu_batch_value", with_batch_value<add_relu>, "ap", {0, 1}},
    {"scale", [](const Operands& in) { return scale(in.a(), 0.3); }, "a", {0}},
    {"scale_by", [](const Operands& in) { return scale_by(in.a(), in.graph.scalar("s")); }, "as", {0}},
    {"bias", [](const Operands& in) { return bias(in.a(), channel(in)); }, "ac", {0}},
    {"dropout", [](const Operands& in) { return dropout(in.a(), 0.4f); }, "a", {0}},
    {"relu", unary<relu>, "a", {0}},
    {"relu_grad", [](const Operands& in) { return relu_grad(mask_of(relu(in.a())), in.b()); }, "mb", {1}},
    {"leaky_relu", [](const Operands& in) { return leaky_relu(in.a()); }, "a", {0}},
    {"leaky_relu_grad", [](const Operands& in) { return leaky_relu_grad(in.a(), in.b(), 0.1); }, "ab", {1, 0}},
    {"gelu", unary<gelu>, "a", {0}},
    {"gelu_grad", binary<gelu_grad>, "ab", {1, 0}},
    {"sigmoid", unary<sigmoid>, "a", {0}},
    {"sigmoid_grad", binary<sigmoid_grad>, "ab", {1, 0}},
    {"softmax", unary<softmax>, "a", {0}},
    {"softmax_grad", binary<softmax_grad>, "ab", {1, 0}},
    {"batch_norm", batch_norm_of<false, false>, "ancc", {0}},
    {"batch_norm_relu", batch_norm_of<true, false>, "ancc", {0}},
    {"batch_norm_addend", batch_norm_of<false, true>, "anccb", {0, 4}},
    {"batch_norm_addend_relu", batch_norm_of<true, true>, "anccb", {0, 4}},
    {"batch_norm_grad_input", batch_norm_grad_of<local, false>, "abnccg", {0, 1}},
    {"batch_norm_grad_input_relu", batch_norm_grad_of<local, true>, "abnccg", {0, 1}},
    {"batch_norm_grad_input_fixed", batch_norm_grad_of<constant, true>, "abfcc", {0, 1}},
    {"cross_entropy_grad",
     [](const Operands& in) {
       return cross_entropy_grad(in.a(), in.graph.input("labels", in.shape.without_leading(), DType::i32),
                                 in.graph.scalar("s"));
     },
     "als",
     {0}},
};

/// n, Σx, Σx² of `count` numbers a channel of mean 0.1 and variance 0.5.
Tensor moments(std::int64_t channels, double count) {
  Tensor m({3, channels}, DType::f64);
  for (std::size_t c = 0; c < static_cast<std::size_t>(channels); ++c) {
    const auto stride = static_cast<std::size_t>(channels);
    m.values<double>()[c] = count;
    m.values<double>()[stride + c] = 0.1 * count;
    m.values<double>()[2 * stride + c] = 0.51 * count;
  }
  return m;
}

KernelInput operand(char what, const Shape& shape, std::int64_t samples, const Layout& layout) {
  const Shape whole = shape.with_leading(samples);
  const std::int64_t channels = shape[0];
  const auto statistics = [&](Tensor value, bool by_product) {
    const ValueSpec spec{.shape = value.shape(),
                         .dtype = DType::f64,
                         .scope = by_product ? Scope::sample : Scope::batch,
                         .by_product = by_product};
    return KernelInput{std::move(value), spec.scope, {}, spec};
  };
  switch (what) {
    case 'a': return {.value = random_tensor(whole, DType::f32, -2, 2, 1), .layout = layout};
    case 'b': return {.value = random_tensor(whole, DType::f32, -2, 2, 2), .layout = layout};
    case 'p': return {.value = random_tensor(shape, DType::f32, -2, 2, 3), .scope = Scope::batch};
    case 'm':
      return {.value = random_tensor(whole, DType::u8, 0, 1, 4),
              .layout = layout,
              .spec = ValueSpec{.shape = shape, .dtype = DType::bit}};
    case 's': return {.value = Tensor::of<float>({}, {0.7f}), .scope = Scope::batch};
    case 'c': return {.value = random_tensor({channels}, DType::f32, 0.5, 1, 5), .scope = Scope::batch};
    case 'n': return statistics(moments(channels, static_cast<double>(whole.elements() / channels)), true);
    case 'f': return statistics(moments(channels, 1), false);
    case 'g': return statistics(random_tensor({2, channels}, DType::f64, -1, 1, 6), true);
    default:
      return {.value = random_tensor(shape.without_leading().with_leading(samples), DType::i32, 0,
                                     static_cast<double>(channels - 1), 7)};
  }
}

class InPlace : public testing::TestWithParam<Case> {};

TEST_P(InPlace, OverEachInputGivesTheSameBits) {
  const Case& c = GetParam();
  const std::vector<Layout> layouts{Layout(), Layout::channels_last(), Layout::channel_blocked(16),
                                    Layout::channel_blocked(8)};
  // Padded channels, one thread; whole words of masks; several threads; one sample, which a batch value equals in size.
  for (const auto& [samples, shape] :
       {std::pair(2, Shape{21, 5, 3}), {2, Shape{16, 4, 4}}, {3, Shape{33, 20, 31}}, {1, Shape{17, 3, 5}}}) {
    Graph graph;
    const Var y = c.build({graph, shape});
    const OpPtr op = graph.node(graph.value(y.id()).producer).op;
    EXPECT_EQ(op->in_place_inputs(), c.in_place);
    for (const Device& device : {device_under_test(), Device::reference()})
      for (const Layout& layout : layouts) {
        if (device == Device::reference() && !layout.is_plain()) continue;  // it knows no other
        SCOPED_TRACE(shape.str() + " " + layout.str(4) + " " + device.str());
        KernelCase test{.op = op, .inputs = {}, .device = device, .in_place = true};
        for (const char what : c.inputs) test.inputs.push_back(operand(what, shape, samples, layout));
        run_kernel(test);
      }
  }
}

INSTANTIATE_TEST_SUITE_P(Ops, InPlace, testing::ValuesIn(cases), [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace sluice::test
