#include <sluice/core/fold.h>

#include <functional>
#include <map>
#include <random>

#include <gtest/gtest.h>

#include <sluice/core/differentiate.h>
#include <sluice/core/evaluate.h>
#include <sluice/core/stages.h>
#include <sluice/core/structural.h>
#include <sluice/kernels/arithmetic/arithmetic.h>
#include <sluice/kernels/bias/bias.h>
#include <sluice/kernels/linear/linear.h>
#include <sluice/kernels/reduce/reduce.h>
#include <sluice/kernels/reference/reference_backend.h>
#include <sluice/kernels/relu/relu.h>

#include "support/tensors.h"

namespace sluice::test {
namespace {

/// A net of two layers; `loss` is made from its output, of four features, and a weight for each sample.
struct Step {
  explicit Step(const std::function<Var(Var y, Var weight)>& make_loss) {
    register_reference_device();
    const Var x = graph.input("x", {3}), weight = graph.input("weight", {});
    std::vector<Var> wrt{x};
    for (const Parameter& p : parameters) wrt.push_back(graph.parameter(p));
    const Var h = bias(relu(linear(x, wrt[1], wrt[2])), wrt[3]);
    outputs = {make_loss(linear(h, wrt[4]), weight)};
    for (const Var& gradient : differentiate(outputs[0], wrt)) outputs.push_back(gradient);
    for (const Var& v : outputs) ids.push_back(v.id());
  }

  static Parameter parameter(const Shape& shape, std::uint64_t seed) {
    return Parameter(random_tensor(shape, DType::f32, -1, 1, seed), "p" + std::to_string(seed));
  }

  std::vector<Tensor> values(const std::vector<Var>& vars) const {
    const std::map<std::string, Tensor> inputs{{"x", random_tensor({5, 3}, DType::f32, -1, 1, 7)},
                                               {"weight", random_tensor({5}, DType::f32, 0.5, 2, 8)}};
    return evaluate(vars, inputs, {.device = Device::reference()});
  }

  /// Folds, expects the same numbers, and returns the number of stages before and after.
  std::pair<std::size_t, std::size_t> stages() const {
    const FoldedGraph folded = fold_factors(graph, ids);
    const std::vector<Tensor> before = values(outputs), after = values(folded.outputs);
    std::vector<ValueId> folded_ids;
    for (std::size_t i = 0; i < before.size(); ++i) {
      EXPECT_EQ(folded.outputs[i].spec(), outputs[i].spec()) << "output " << i;
      EXPECT_LE(relative_error(after[i], before[i]), 1e-13) << "output " << i;
      EXPECT_GT(relative_error(before[i], Tensor(before[i].shape())), 0)
          << "output " << i << " is zero: nothing is tested";
      folded_ids.push_back(folded.outputs[i].id());
    }
    // The gradient by x is a sample value and would wait for its factor.
    const auto count = [](const Graph& g, std::vector<ValueId> wanted) {
      wanted.erase(wanted.begin() + 1);
      return cut_into_stages(g, wanted).stages.size();
    };
    return {count(graph, ids), count(*folded.graph, folded_ids)};
  }

  Graph graph;
  std::vector<Parameter> parameters{parameter({6, 3}, 1), parameter({6}, 2), parameter({6}, 3), parameter({4, 6}, 4)};
  std::vector<Var> outputs;
  std::vector<ValueId> ids;
};

using Stages = std::pair<std::size_t, std::size_t>;

Var squares(Var y) { return sum_per_sample(mul(y, y)); }

TEST(Fold, AWeightedMeanCostsNoStage) {
  EXPECT_EQ(Step([](Var y, Var weight) { return div(batch_sum(mul(squares(y), weight)), batch_sum(weight)); }).stages(),
            (Stages{2, 1}));
}

TEST(Fold, AMeanOverNIsOneStageAnyway) {
  EXPECT_EQ(Step([](Var y, Var) { return div(batch_sum(squares(y)), y.graph().sample_count()); }).stages(),
            (Stages{1, 1}));
}

TEST(Fold, AFactorInTheForwardPassGoesThroughLinearOps) {
  // y/D is linear in 1/D as far as the square, which is its factor squared.
  EXPECT_EQ(Step([](Var y, Var weight) {
              const Var factor = div(y.graph().constant(1), batch_sum(weight));
              return batch_sum(squares(scale(scale_by(y, factor), 3)));
            }).stages(),
            (Stages{2, 1}));
}

TEST(Fold, StopsAtOpsThatAreNotLinear) {
  EXPECT_EQ(Step([](Var y, Var weight) {
              const Var late = scale_by(y, batch_sum(weight));
              return batch_sum(sum_per_sample(relu(sub(late, y.graph().constant(0.5)))));
            }).stages(),
            (Stages{2, 2}));
}

TEST(Fold, EqualFactorsMeetInASumAndDifferentOnesDoNot) {
  const auto two_terms = [](bool same) {
    return Step([same](Var y, Var weight) {
             const Var d = batch_sum(weight), other = same ? d : batch_sum(mul(weight, weight));
             return add(div(batch_sum(squares(y)), d), div(batch_sum(sum_per_sample(relu(y))), other));
           })
        .stages();
  };
  EXPECT_EQ(two_terms(true), (Stages{2, 1}));
  EXPECT_EQ(two_terms(false), (Stages{2, 2}));
}

TEST(Fold, AProductOfASumWithItself) {
  EXPECT_EQ(Step([](Var y, Var) {
              const Var total = batch_sum(squares(y));
              return mul(total, total);
            }).stages(),
            (Stages{2, 1}));
}

TEST(Fold, KeepsWhatHasNoFactorAsItIs) {
  const Step step([](Var y, Var) { return batch_sum(squares(y)); });
  EXPECT_EQ(step.stages(), (Stages{1, 1}));
  const FoldedGraph folded = fold_factors(step.graph, step.ids);
  EXPECT_EQ(folded.graph->nodes(), static_cast<int>(step.graph.ancestors(step.ids).size()));
}

TEST(Fold, NamesLayersAsTheGraphDid) {
  Graph g;
  const Var x = g.input("x", {3}), weight = g.input("weight", {});
  const Var w = g.parameter(Step::parameter({2, 3}, 1));
  Var y;
  {
    const LayerScope scope(g, "head");
    y = linear(x, w);
  }
  const Var loss = div(batch_sum(squares(y)), batch_sum(weight));
  const ValueId id = differentiate(loss, std::vector{w})[0].id();
  const FoldedGraph folded = fold_factors(g, {&id, 1});
  const Node& last = folded.graph->node(folded.graph->value(folded.outputs[0].id()).producer);
  EXPECT_EQ(last.op->type(), "scale_by");  // the factor, applied to the gradient
  EXPECT_EQ(last.layer, "head");
}

}  // namespace
}  // namespace sluice::test
