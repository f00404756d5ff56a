#include <sluice/kernels/arithmetic/arithmetic.h>

#include <gtest/gtest.h>

#include "support/check_op.h"
#include "support/run_kernel.h"
#include "support/tensors.h"

namespace sluice::test {
namespace {

using Binary = Var (*)(Var, Var);

struct Named {
  const char* name;
  Binary op;
};

std::ostream& operator<<(std::ostream& out, const Named& named) { return out << named.name; }

class Arithmetic : public testing::TestWithParam<Named> {
 protected:
  /// a op b; b stays away from 0 for division.
  void check(const Shape& a, Scope a_scope, const Shape& b, Scope b_scope) const {
    check_op({.name = std::string(GetParam().name) + a.str(a_scope == Scope::sample) + b.str(b_scope == Scope::sample),
              .inputs = {{.name = "a", .shape = a, .scope = a_scope, .low = 0.5, .high = 2},
                         {.name = "b", .shape = b, .scope = b_scope, .low = 0.5, .high = 2}},
              .build = [op = GetParam().op](auto in) { return std::vector{op(in[0], in[1])}; }});
  }
};

TEST_P(Arithmetic, OfSamples) {
  for (const Shape& shape : {Shape{}, Shape{5}, Shape{3, 40, 41}}) check(shape, Scope::sample, shape, Scope::sample);
}

TEST_P(Arithmetic, OfBatchValues) {
  for (const Shape& shape : {Shape{}, Shape{5}, Shape{3, 4, 5}}) check(shape, Scope::batch, shape, Scope::batch);
  check({4, 5}, Scope::batch, {}, Scope::batch);
  check({}, Scope::batch, {4, 5}, Scope::batch);
}

TEST_P(Arithmetic, OfSampleAndBatchValues) {
  for (const Shape& shape : {Shape{}, Shape{1}, Shape{5}, Shape{3, 4, 5}}) {
    check(shape, Scope::sample, shape, Scope::batch);
    check(shape, Scope::batch, shape, Scope::sample);
    check(shape, Scope::sample, {}, Scope::batch);
    check({}, Scope::batch, shape, Scope::sample);
  }
}

TEST_P(Arithmetic, LayoutsKeepTheirPadding) {
  Graph graph;
  GetParam().op(graph.input("a", {21, 5, 3}), graph.input("b", {21, 5, 3}));
  GetParam().op(graph.input("a", {21, 5, 3}), graph.parameter(Parameter(Tensor(Shape{}))));
  const Tensor a = random_tensor({2, 21, 5, 3}, DType::f32, 0.5, 1, 1),
               b = random_tensor({2, 21, 5, 3}, DType::f32, 0.5, 1, 2);
  const KernelInput scalar{.value = Tensor::of<float>({}, {0.7f}), .scope = Scope::batch};
  const KernelResult both = run_kernel({.op = graph.node(0).op, .inputs = {{a}, {b}}});
  const KernelResult one = run_kernel({.op = graph.node(1).op, .inputs = {{a}, scalar}});
  for (const Layout& layout : {Layout::channels_last(), Layout::channel_blocked(16)}) {
    // run_kernel itself fails when padding is not zero afterwards.
    const KernelInput a_as{.value = a, .layout = layout}, b_as{.value = b, .layout = layout};
    for (const bool in_place : {false, true}) {
      EXPECT_EQ(
          relative_error(run_kernel({.op = graph.node(0).op, .inputs = {a_as, b_as}, .in_place = in_place}).outputs[0],
                         both.outputs[0]),
          0);
      EXPECT_EQ(relative_error(
                    run_kernel({.op = graph.node(1).op, .inputs = {a_as, scalar}, .in_place = in_place}).outputs[0],
                    one.outputs[0]),
                0);
    }
  }
}

TEST_P(Arithmetic, RefusesWhatDoesNotFit) {
  const auto refuses = [](auto make_a, auto make_b, std::initializer_list<std::string> parts) {
    expect_shape_error([&](Graph& g) { GetParam().op(make_a(g), make_b(g)); }, parts);
  };
  const std::string name = std::string(GetParam().name) + ":";
  refuses([](Graph& g) { return g.input("a", {3}); }, [](Graph& g) { return g.input("b", {4}); },
          {name, "a=f32[N,3]", "b=f32[N,4]"});
  refuses([](Graph& g) { return g.input("a", {3}, DType::i32); }, [](Graph& g) { return g.input("b", {3}); },
          {name, "a=i32[N,3]"});
  // A number per sample is no batch scalar.
  refuses([](Graph& g) { return g.input("a", {3}); }, [](Graph& g) { return g.input("b", {}); }, {name, "b=f32[N]"});
}

INSTANTIATE_TEST_SUITE_P(Ops, Arithmetic, testing::Values(Named{"mul", mul}, Named{"div", div}, Named{"sub", sub}),
                         [](const auto& info) { return info.param.name; });

TEST(Scale, EqualsReferenceAndDifferences) {
  for (const Scope scope : {Scope::sample, Scope::batch})
    check_op({.name = "scale", .inputs = {{"x", {3, 4, 5}, scope}}, .build = [](auto in) {
                return std::vector{scale(in[0], -0.3)};
              }});
}

}  // namespace
}  // namespace sluice::test
