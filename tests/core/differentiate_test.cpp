#include <sluice/core/differentiate.h>

#include <map>

#include <gtest/gtest.h>

#include <sluice/core/error.h>
#include <sluice/core/evaluate.h>
#include <sluice/core/structural.h>
#include <sluice/kernels/arithmetic/arithmetic.h>
#include <sluice/kernels/linear/linear.h>
#include <sluice/kernels/reduce/reduce.h>
#include <sluice/kernels/reference/reference_backend.h>
#include <sluice/kernels/relu/relu.h>

#include "support/tensors.h"

namespace sluice::test {
namespace {

using Tensors = std::map<std::string, Tensor>;

Parameter parameter(const Shape& shape, std::uint64_t seed) {
  return Parameter(random_tensor(shape, DType::f64, -1, 1, seed).to(DType::f32), "p" + std::to_string(seed));
}

Var gradient(Var loss, Var wrt) { return differentiate(loss, std::vector{wrt})[0]; }

class Differentiate : public testing::Test {
 protected:
  void SetUp() override { register_reference_device(); }

  static std::vector<double> value(Var v, const Tensors& inputs) {
    return doubles(evaluate(v, inputs, {.device = Device::reference()}));
  }

  /// Compares the gradients by `inputs` (of the graph) and `parameters` with central differences, element by element.
  static void expect_central_differences(Var loss, Tensors tensors, const std::vector<Parameter>& parameters) {
    Graph& g = loss.graph();
    constexpr double h = 1e-5;
    const auto check = [&](Var wrt, Tensor& place, const std::string& name) {
      const std::vector<double> analytic = value(gradient(loss, wrt), tensors);
      const Tensor before = place;
      ASSERT_EQ(analytic.size(), doubles(before).size()) << name;
      for (std::size_t e = 0; e < analytic.size(); ++e) {
        double difference = 0;
        for (const double sign : {1.0, -1.0}) {
          place = before.to(DType::f64);
          place.values<double>()[e] += sign * h;
          difference += sign * value(loss, tensors)[0] / (2 * h);
        }
        place = before;
        EXPECT_NEAR(analytic[e], difference, 2e-8 * std::max(1.0, std::abs(difference))) << name << '[' << e << ']';
      }
    };
    for (auto& [name, tensor] : tensors) check(g.input(name, tensor.shape().without_leading()), tensor, name);
    for (const Parameter& p : parameters) check(g.parameter(p), p.data()->value, p.name());
  }
};

TEST_F(Differentiate, AddsWhereAValueFansOut) {
  Graph g;
  const Var w = g.parameter(Parameter(Tensor::of<float>({2}, {3, 5}), "w"));
  const Var loss = sum_per_sample(add(add(mul(w, w), scale(w, 7)), w));  // w² + 8w
  EXPECT_EQ(value(gradient(loss, w), {}), (std::vector<double>{2 * 3 + 8, 2 * 5 + 8}));
}

TEST_F(Differentiate, GivesZeroForWhatTheLossDoesNotSee) {
  Graph g;
  const Var x = g.input("x", {2}), other = g.input("other", {3}), w = g.parameter(parameter({4}, 1));
  const Var ahead = relu(g.input("ahead", {2}));
  const std::vector<Var> got = differentiate(batch_sum(sum_per_sample(x)), std::vector{w, other, x, ahead});
  EXPECT_EQ(got[0].spec(), w.spec());
  EXPECT_EQ(got[1].spec(), other.spec());
  EXPECT_EQ(got[3].spec(), ahead.spec());
  const Tensors inputs{{"x", Tensor({2, 2})}, {"other", Tensor({2, 3})}};
  EXPECT_EQ(value(got[0], inputs), std::vector<double>(4, 0.0));
  EXPECT_EQ(value(got[1], inputs), std::vector<double>(6, 0.0));
  EXPECT_EQ(value(got[2], inputs), std::vector<double>(4, 1.0));
}

TEST_F(Differentiate, OfALeafOrAValueOnTheWay) {
  Graph g;
  const Var s = g.parameter(Parameter(Tensor::of<float>({}, {2}), "s"));
  EXPECT_EQ(value(gradient(s, s), {}), std::vector<double>{1});
  const Var x = g.input("x", {2});
  const Var y = scale(x, 3), loss = batch_sum(sum_per_sample(mul(y, y)));
  const std::vector<Var> got = differentiate(loss, std::vector{y, x, loss});
  const Tensors inputs{{"x", Tensor::of<float>({1, 2}, {1, 2})}};
  EXPECT_EQ(value(got[0], inputs), (std::vector<double>{6, 12}));
  EXPECT_EQ(value(got[1], inputs), (std::vector<double>{18, 36}));
  EXPECT_EQ(value(got[2], inputs), std::vector<double>{1});
}

TEST_F(Differentiate, NeedsABatchScalar) {
  Graph g;
  const Var x = g.input("x", {3});
  const auto refused = [&](Var loss, const std::string& spec) {
    try {
      gradient(loss, x);
      ADD_FAILURE() << spec << " was differentiated";
    } catch (const ShapeError& error) {
      const std::string text = error.what();
      EXPECT_NE(text.find("got " + spec), std::string::npos) << text;
    }
  };
  refused(x, "f32[N,3]");
  refused(sum_per_sample(x), "f32[N]");  // one number for every sample
  refused(batch_sum(x), "f32[3]");
  refused(g.constant(1, {}, DType::i32), "i32[]");
  EXPECT_NO_THROW(gradient(batch_sum(sum_per_sample(x)), x));
}

TEST_F(Differentiate, NamesAnOpThatIsNotDifferentiable) {
  class Opaque final : public Op {
   public:
    std::string_view type() const override { return "opaque"; }
    std::vector<ValueSpec> infer(std::span<const ValueSpec> in) const override { return {in[0]}; }
  };
  Graph g;
  const Var x = g.input("x", {3}), w = g.parameter(parameter({3}, 1));
  const Var y = g.add1(std::make_shared<Opaque>(), {x});
  const Var loss = batch_sum(sum_per_sample(mul(y, w)));
  EXPECT_NO_THROW(gradient(loss, w));  // nobody asked to go through it
  try {
    gradient(loss, x);
    ADD_FAILURE() << "differentiated through an opaque op";
  } catch (const ShapeError& error) {
    EXPECT_NE(std::string(error.what()).find("opaque"), std::string::npos) << error.what();
  }
}

TEST_F(Differentiate, GivesEachGradientTheScopeOfItsValue) {
  Graph g;
  const Var x = g.input("x", {3}), v = g.parameter(parameter({3}, 1)), s = g.parameter(parameter({}, 2));
  const Var loss = batch_sum(sum_per_sample(mul(mul(x, v), s)));
  const std::vector<Var> got = differentiate(loss, std::vector{x, v, s});
  EXPECT_EQ(got[0].spec(), x.spec());
  EXPECT_EQ(got[1].spec(), v.spec());
  EXPECT_EQ(got[2].spec(), s.spec());
  const Var sum = batch_sum(x);  // from batch scope back to the samples: a broadcast
  const Var dx = gradient(sum_per_sample(mul(sum, sum)), x);
  EXPECT_TRUE(dx.is_sample());
  const Tensors inputs{{"x", Tensor::of<float>({2, 3}, {1, 2, 3, 10, 20, 30})}};
  EXPECT_EQ(value(dx, inputs), (std::vector<double>{22, 44, 66, 22, 44, 66}));
}

TEST_F(Differentiate, ConstantsTakeNoPartOfTheGraph) {
  Graph g;
  const Var x = g.input("x", {3}), w = g.parameter(parameter({2, 3}, 1));
  const Var loss = batch_sum(sum_per_sample(linear(x, w)));
  gradient(loss, w);
  for (NodeId n = 0; n < g.nodes(); ++n) EXPECT_NE(g.node(n).op->type(), "linear_grad_input");  // nobody wants dx
}

TEST_F(Differentiate, EqualsCentralDifferencesWhereScopesMix) {
  Graph g;
  const std::vector<Parameter> p{parameter({4, 3}, 1), parameter({4}, 2), parameter({4}, 3), parameter({}, 4)};
  const Var x = g.input("x", {3}), weight = g.input("weight", {});
  const Var w = g.parameter(p[0]), b = g.parameter(p[1]), v = g.parameter(p[2]), s = g.parameter(p[3]);
  const Var n = g.sample_count();

  const Var h = linear(x, w, b);
  const Var mean = div(batch_sum(h), n);  // used in both scopes
  const Var centred = sub(h, mean);
  const Var variance = div(batch_sum(mul(centred, centred)), n);
  const Var y = mul(div(centred, add(variance, g.constant(0.3, {4}))), v);
  const Var per_sample = mul(sum_per_sample(mul(y, mul(y, h))), weight);
  const Var main = div(batch_sum(per_sample), batch_sum(weight));  // a weighted mean
  const Var in_batch = sum_per_sample(mul(mean, mul(mean, v)));
  const Var of_broadcast = sum_per_sample(batch_sum(mul(broadcast(mul(v, s)), broadcast(b))));  // n · Σ v·s·b
  const Var decay = scale(add(sum_per_sample(mul(w, w)), sum_per_sample(mul(v, v))), 0.05);
  const Var gathered = slice(mul(batch_gather(y, 6), batch_gather(h, 6)));
  const Var rows = batch_sum(sum_per_sample(mul(gathered, h)));
  const Var loss = add(add(add(add(main, in_batch), scale(of_broadcast, 0.1)), decay), scale(rows, 0.01));

  Tensors tensors{{"x", random_tensor({5, 3}, DType::f32, -1, 1, 11)},
                  {"weight", random_tensor({5}, DType::f32, 0.2, 1, 12)}};
  expect_central_differences(loss, tensors, p);
}

TEST_F(Differentiate, TwiceEqualsCentralDifferencesOfTheFirst) {
  // A gradient penalty: the gradient is part of the graph like everything else.
  Graph g;
  const std::vector<Parameter> p{parameter({3}, 5)};
  const Var x = g.input("x", {3}), w = g.parameter(p[0]);
  const Var xw = mul(x, w), loss = batch_sum(sum_per_sample(mul(xw, mul(xw, xw))));
  const Var dw = gradient(loss, w), dx = gradient(loss, x);
  const Var penalty = add(sum_per_sample(mul(dw, dw)), batch_sum(sum_per_sample(mul(dx, x))));
  expect_central_differences(scale(penalty, 0.1), {{"x", random_tensor({2, 3}, DType::f32, -1, 1, 13)}}, p);
}

}  // namespace
}  // namespace sluice::test
