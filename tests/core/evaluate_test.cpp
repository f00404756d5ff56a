#include <sluice/core/evaluate.h>

#include <gtest/gtest.h>

#include <sluice/core/error.h>
#include <sluice/core/structural.h>
#include <sluice/kernels/arithmetic/arithmetic.h>
#include <sluice/kernels/conv2d/conv2d.h>
#include <sluice/kernels/flatten/flatten.h>
#include <sluice/kernels/reduce/reduce.h>
#include <sluice/kernels/reference/reference_backend.h>
#include <sluice/kernels/relu/relu.h>

#include "support/tensors.h"

namespace sluice::test {
namespace {

/// The text of the UsageError that evaluate throws.
std::string refusal(Var v, const std::map<std::string, Tensor>& inputs, const EvaluateOptions& options = {}) {
  try {
    evaluate(v, inputs, options);
  } catch (const UsageError& error) {
    return error.what();
  }
  return "no error";
}

TEST(Evaluate, SaysWhichInputIsWrong) {
  Graph g;
  const Var x = g.input("x", {3}), y = g.input("y", {3}), sum = add(x, y);
  const Tensor two({2, 3});
  EXPECT_EQ(refusal(sum, {{"x", two}}), "evaluate: input 'y' is missing; expected f32[N,3]");
  EXPECT_EQ(refusal(sum, {{"x", two}, {"y", Tensor({2, 4})}}),
            "evaluate: input 'y' has the wrong shape; got [2,4]; expected [N,3]");
  EXPECT_EQ(refusal(sum, {{"x", two}, {"y", Tensor({5, 3})}}),
            "evaluate: inputs differ in n; got 2 and y=[5,3]; expected one n");
  EXPECT_EQ(refusal(sum, {{"x", two}, {"y", Tensor(Shape{})}}), "evaluate: input 'y' is a scalar; expected [n,...]");
}

TEST(Evaluate, IgnoresInputsThatNobodyReads) {
  Graph g;
  const Var x = g.input("x", {3}), y = g.input("y", {3});
  EXPECT_EQ(doubles(evaluate(scale(x, 2), {{"x", Tensor::of<float>({1, 3}, {1, 2, 3})}})),
            (std::vector<double>{2, 4, 6}));
  EXPECT_TRUE(y);
}

TEST(Evaluate, SetsScalarsAndN) {
  Graph g;
  const Var x = g.input("x", {}), v = mul(g.scalar("lr"), g.sample_count());
  const std::map<std::string, Tensor> inputs{{"x", Tensor::of<float>({5}, {1, 2, 3, 4, 5})}};
  EXPECT_EQ(refusal(v, inputs), "evaluate: scalar 'lr' is missing");
  EXPECT_EQ(doubles(evaluate(v, inputs, {.scalars = {{"lr", 0.25}}})), std::vector<double>{1.25});
  EXPECT_EQ(doubles(evaluate(div(batch_sum(x), g.sample_count()), inputs)), std::vector<double>{3});
  EXPECT_EQ(doubles(evaluate(batch_sum(broadcast(g.constant(2, {2}))), inputs)), (std::vector<double>{10, 10}));
}

TEST(Evaluate, ReturnsScopesAndDtypesAsTheDeviceStoresThem) {
  register_reference_device();
  Graph g;
  const Var x = g.input("x", {2}), labels = g.input("labels", {}, DType::i32);
  const std::map<std::string, Tensor> inputs{{"x", Tensor::of<float>({3, 2}, {1, 2, 3, 4, 5, 6})},
                                             {"labels", Tensor::of<std::int32_t>({3}, {7, 8, 9})}};
  const std::vector<Var> vars{scale(x, 1), batch_sum(x), labels, x};
  for (const Device device : {Device::cpu(), Device::reference()}) {
    const std::vector<Tensor> got = evaluate(vars, inputs, {.device = device});
    EXPECT_EQ(got[0].dtype(), device == Device::cpu() ? DType::f32 : DType::f64);
    EXPECT_EQ(got[0].shape(), (Shape{3, 2}));
    EXPECT_EQ(doubles(got[1]), (std::vector<double>{9, 12}));
    EXPECT_EQ(got[2].dtype(), DType::i32);
    EXPECT_EQ(doubles(got[2]), (std::vector<double>{7, 8, 9}));
    EXPECT_EQ(doubles(got[3]), (std::vector<double>{1, 2, 3, 4, 5, 6}));
  }
}

TEST(Evaluate, GivesEveryValueItsOwnMemory) {
  // relu may overwrite its input, and the view shares it; asking for all of them must not change any.
  Graph g;
  const Var x = g.input("x", {2, 2});
  const Var a = scale(x, -1), b = flatten(a), c = relu(b), d = scale(c, 2);
  const std::vector<Tensor> got =
      evaluate(std::vector{a, b, c, d, x}, {{"x", Tensor::of<float>({1, 2, 2}, {1, -2, 3, -4})}});
  EXPECT_EQ(doubles(got[0]), (std::vector<double>{-1, 2, -3, 4}));
  EXPECT_EQ(doubles(got[1]), (std::vector<double>{-1, 2, -3, 4}));
  EXPECT_EQ(got[1].shape(), (Shape{1, 4}));
  EXPECT_EQ(doubles(got[2]), (std::vector<double>{0, 2, 0, 4}));
  EXPECT_EQ(doubles(got[3]), (std::vector<double>{0, 4, 0, 8}));
  EXPECT_EQ(doubles(got[4]), (std::vector<double>{1, -2, 3, -4}));
}

TEST(Evaluate, KeepsBatchValuesThatAreAskedFor) {
  Graph g;
  const Var v = g.parameter(Parameter(Tensor::of<float>({2}, {1, -2}), "v"));
  const Var a = scale(v, 3), b = relu(a), c = scale(b, 2), matrix = reshape(c, {1, 2});
  const std::vector<Tensor> got = evaluate(std::vector{a, b, c, matrix, v}, {});
  EXPECT_EQ(doubles(got[0]), (std::vector<double>{3, -6}));
  EXPECT_EQ(doubles(got[1]), (std::vector<double>{3, 0}));
  EXPECT_EQ(doubles(got[2]), (std::vector<double>{6, 0}));
  EXPECT_EQ(got[3].shape(), (Shape{1, 2}));
  EXPECT_EQ(doubles(got[4]), (std::vector<double>{1, -2}));
}

TEST(Evaluate, TellsConstantsApart) {
  Graph g;
  const Var small = g.constant(1e-9), smaller = g.constant(2e-9), third = g.constant(1.0 / 3),
            near_third = g.constant(0.33333331);
  const std::vector<Tensor> got =
      evaluate(std::vector{scale(small, 1), scale(smaller, 1), scale(sub(third, near_third), 1)}, {});
  EXPECT_FLOAT_EQ(got[0].values<float>()[0], 1e-9f);
  EXPECT_FLOAT_EQ(got[1].values<float>()[0], 2e-9f);
  EXPECT_NE(got[2].values<float>()[0], 0);
}

TEST(Evaluate, ReturnsLogicalOrderFromBlockedLayouts) {
  register_reference_device();
  Graph g;
  const Parameter w(random_tensor({21, 3, 3, 3}, DType::f32, -1, 1, 1), "w");
  const Var y = relu(conv2d(g.input("x", {3, 6, 7}), g.parameter(w), {.padding = 1}));
  const std::vector<Var> vars{y, g.parameter(w)};
  const std::map<std::string, Tensor> inputs{{"x", random_tensor({2, 3, 6, 7}, DType::f32, -1, 1, 2)}};
  const std::vector<Tensor> cpu = evaluate(vars, inputs),
                            reference = evaluate(vars, inputs, {.device = Device::reference()});
  EXPECT_LE(relative_error(cpu[0], reference[0]), 1e-6);
  EXPECT_EQ(relative_error(cpu[1], w.read()), 0);
}

TEST(Evaluate, NamesAnOpWithoutAKernel) {
  class Unknown final : public Op {
   public:
    std::string_view type() const override { return "unknown_op"; }
    std::vector<ValueSpec> infer(std::span<const ValueSpec> in) const override { return {in[0]}; }
  };
  Graph g;
  const Var y = g.add1(std::make_shared<Unknown>(), {g.input("x", {3})});
  try {
    evaluate(y, {{"x", Tensor({1, 3})}});
    ADD_FAILURE() << "ran an op without a kernel";
  } catch (const BackendError& error) {
    EXPECT_NE(std::string(error.what()).find("'unknown_op'"), std::string::npos) << error.what();
  }
}

TEST(Evaluate, GivesItsMemoryBack) {
  Backend& cpu = Device::cpu().backend();
  const std::size_t before = cpu.allocated_bytes();
  Graph g;
  evaluate(relu(g.input("x", {1000})), {{"x", Tensor({4, 1000})}});
  EXPECT_EQ(cpu.allocated_bytes(), before);
  EXPECT_TRUE(evaluate(std::vector<Var>(), {}).empty());
}

}  // namespace
}  // namespace sluice::test
