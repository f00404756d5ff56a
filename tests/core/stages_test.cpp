#include <sluice/core/stages.h>

#include <algorithm>
#include <random>
#include <string>

#include <gtest/gtest.h>

#include <sluice/core/differentiate.h>
#include <sluice/core/fold.h>
#include <sluice/core/structural.h>
#include <sluice/kernels/arithmetic/arithmetic.h>
#include <sluice/kernels/cross_entropy/cross_entropy.h>
#include <sluice/kernels/linear/linear.h>
#include <sluice/kernels/reduce/reduce.h>
#include <sluice/kernels/relu/relu.h>
#include <sluice/kernels/sgd/sgd.h>

#include "support/check_cut.h"

namespace sluice::test {
namespace {

using Names = std::vector<std::string>;

/// relu(x·w1)·w2 on four features, with two kinds of labels.
struct Net {
  Graph graph;
  Parameter first{Tensor({6, 4}), "first"}, second{Tensor({3, 6}), "second"};
  Var x = graph.input("x", {4});
  Var w1 = graph.parameter(first), w2 = graph.parameter(second);
  Var labels = graph.input("labels", {}, DType::i32), others = graph.input("others", {}, DType::i32);
  Var h = linear(x, w1);
  Var y = linear(relu(h), w2);

  Var mean_loss(Var of) { return div(batch_sum(cross_entropy_loss(y, of)), batch_sum(cross_entropy_weight(of))); }

  /// The loss and both gradients, cut and checked.
  StageCut cut(Var loss, bool fold = false, Crossing crossing = Crossing::store) {
    std::vector<ValueId> outputs{loss.id()};
    for (const Var& gradient : differentiate(loss, std::vector{w1, w2})) outputs.push_back(gradient.id());
    if (fold) {
      folded = fold_factors(graph, outputs);
      for (std::size_t i = 0; i < outputs.size(); ++i) outputs[i] = folded.outputs[i].id();
    }
    const Graph& used = fold ? *folded.graph : graph;
    const StageCut result = cut_into_stages(used, outputs, crossing);
    check_cut(used, result, crossing);
    return result;
  }
  FoldedGraph folded;
};

Names names(const Graph& graph, const std::vector<NodeId>& nodes) {
  Names result;
  for (const NodeId n : nodes) result.emplace_back(graph.node(n).op->type());
  return result;
}

std::int64_t count(const Graph& graph, const std::vector<NodeId>& nodes, const std::string& type) {
  const Names all = names(graph, nodes);
  return std::count(all.begin(), all.end(), type);
}

TEST(Stages, OfAMeanOverNAreOne) {
  Net net;
  const Var loss = div(batch_sum(cross_entropy_loss(net.y, net.labels)), net.graph.sample_count());
  const StageCut cut = net.cut(loss);
  ASSERT_EQ(cut.stages.size(), 1u);
  EXPECT_EQ(names(net.graph, cut.prologue), Names{"div"});  // 1/n needs no sample
  EXPECT_EQ(names(net.graph, cut.stages[0].once), Names{"div"});
  EXPECT_EQ(count(net.graph, cut.stages[0].replayed, "linear_grad_weight"), 2);
}

TEST(Stages, OfALabelDependentMeanAreALabelsOnlyStageAndTheRest) {
  Net net;
  const StageCut cut = net.cut(net.mean_loss(net.labels));
  ASSERT_EQ(cut.stages.size(), 2u);
  EXPECT_EQ(names(net.graph, cut.stages[0].replayed), (Names{"cross_entropy_weight", "batch_sum"}));
  EXPECT_EQ(names(net.graph, cut.stages[0].once), Names{"div"});  // 1/D
  EXPECT_EQ(count(net.graph, cut.stages[1].replayed, "linear"), 2);
  EXPECT_EQ(count(net.graph, cut.stages[1].replayed, "cross_entropy_loss"), 1);  // with the forward pass, not before it
  EXPECT_TRUE(cut.stages[0].stored.empty());
}

TEST(Stages, OfALabelDependentMeanFoldIntoOne) {
  Net net;
  const StageCut cut = net.cut(net.mean_loss(net.labels), true);
  ASSERT_EQ(cut.stages.size(), 1u);
  EXPECT_EQ(count(*net.folded.graph, cut.stages[0].once, "scale_by"), 2);  // each gradient, once
  EXPECT_EQ(count(*net.folded.graph, cut.stages[0].replayed, "scale_by"), 0);
  EXPECT_TRUE(cut.prologue.empty());
}

TEST(Stages, OfTwoDenominatorsAreTwoFoldedOrNot) {
  for (const bool fold : {false, true}) {
    Net net;
    const StageCut cut = net.cut(add(net.mean_loss(net.labels), net.mean_loss(net.others)), fold);
    const Graph& graph = fold ? *net.folded.graph : net.graph;
    ASSERT_EQ(cut.stages.size(), 2u);
    EXPECT_EQ(cut.stages[0].replayed.size(), 4u);  // two weights and their sums: no image, no logits
    EXPECT_EQ(count(graph, cut.stages[0].replayed, "cross_entropy_weight"), 2);
    EXPECT_EQ(count(graph, cut.stages[1].replayed, "linear"), 2);
  }
}

TEST(Stages, OfASquaredSumWaitForTheForwardPass) {
  const auto squared = [](Net& net) {
    const Var total = batch_sum(sum_per_sample(mul(net.y, net.y)));
    return mul(total, total);
  };
  {
    Net net;
    const StageCut cut = net.cut(squared(net));
    ASSERT_EQ(cut.stages.size(), 2u);
    // Expensive values are stored, cheap ones are recomputed.
    std::vector<ValueId> expensive{net.h.id(), net.y.id()}, stored = cut.stages[0].stored;
    std::sort(stored.begin(), stored.end());
    EXPECT_EQ(stored, expensive);
    EXPECT_EQ(cut.stages[1].loaded, expensive);
    EXPECT_EQ(count(net.graph, cut.stages[1].replayed, "linear"), 0);
    EXPECT_EQ(count(net.graph, cut.stages[0].replayed, "relu"), 1);
    EXPECT_EQ(count(net.graph, cut.stages[1].replayed, "relu"), 1);
  }
  {
    Net net;
    const StageCut cut = net.cut(squared(net), false, Crossing::recompute);
    ASSERT_EQ(cut.stages.size(), 2u);
    EXPECT_EQ(count(net.graph, cut.stages[0].replayed, "linear"), 2);
    EXPECT_EQ(count(net.graph, cut.stages[1].replayed, "linear"), 2);
  }
  {
    Net net;  // one factor alone goes through everything
    EXPECT_EQ(net.cut(squared(net), true).stages.size(), 1u);
  }
  {
    Net net;  // beside another loss it cannot
    EXPECT_EQ(net.cut(add(squared(net), net.mean_loss(net.labels)), true).stages.size(), 2u);
  }
}

/// x − batch_mean(x), `depth` times, between the layers; then a loss that is not linear in the result.
Var chain_loss(Net& net, int depth) {
  Var z = net.y;
  for (int i = 0; i < depth; ++i) z = sub(z, div(batch_sum(z), net.graph.sample_count()));
  return batch_sum(sum_per_sample(mul(z, mul(z, z))));
}

TEST(Stages, OfChainedNormalisationsHaveABarrierForwardsAndOneBackwardsForEach) {
  for (const int depth : {0, 1, 2, 5})
    for (const Crossing crossing : {Crossing::store, Crossing::recompute})
      for (const bool fold : {false, true}) {
        SCOPED_TRACE(testing::Message() << "depth " << depth << (fold ? ", folded" : ""));
        Net net;
        const StageCut cut = net.cut(chain_loss(net, depth), fold, crossing);
        const Graph& graph = fold ? *net.folded.graph : net.graph;
        ASSERT_EQ(cut.stages.size(), static_cast<std::size_t>(2 * depth + 1));
        for (int s = 0; s < 2 * depth; ++s)
          EXPECT_GE(count(graph, cut.stages[static_cast<std::size_t>(s)].replayed, "batch_sum"), 1) << "stage " << s;
        EXPECT_EQ(count(graph, cut.stages.back().replayed, "linear_grad_weight"), 2);
      }
}

TEST(Stages, OfBatchValuesAloneAreThePrologue) {
  Net net;
  const Var decay = sum_per_sample(mul(net.w1, net.w1));
  const ValueId id = decay.id();
  const StageCut cut = cut_into_stages(net.graph, {&id, 1});
  check_cut(net.graph, cut, Crossing::store);
  ASSERT_EQ(cut.stages.size(), 1u);
  EXPECT_TRUE(cut.stages[0].replayed.empty());
  EXPECT_EQ(names(net.graph, cut.prologue), (Names{"mul", "sum_per_sample"}));
}

TEST(Stages, LeaveOutWhatNobodyNeeds) {
  Net net;
  batch_sum(net.y);
  const ValueId id = net.h.id();
  const StageCut cut = cut_into_stages(net.graph, {&id, 1});
  check_cut(net.graph, cut, Crossing::store);
  ASSERT_EQ(cut.stages.size(), 1u);
  EXPECT_EQ(names(net.graph, cut.stages[0].replayed), Names{"linear"});
}

TEST(Stages, ComputeSampleOutputsInTheLastOne) {
  Net net;
  const Var centred = sub(net.y, div(batch_sum(net.y), net.graph.sample_count()));
  for (const Crossing crossing : {Crossing::store, Crossing::recompute}) {
    const std::vector<ValueId> outputs{net.y.id(), centred.id(), net.x.id()};
    const StageCut cut = cut_into_stages(net.graph, outputs, crossing);
    EXPECT_EQ(cut.stages.size(), 2u);
    EXPECT_EQ(cut.outputs, outputs);
    check_cut(net.graph, cut, crossing);
  }
}

TEST(Stages, WriteStateLastOfAll) {
  Net net;
  const Var loss = net.mean_loss(net.labels);
  const std::vector<Var> gradients = differentiate(loss, std::vector{net.w1, net.w2});
  const std::vector<Var> velocities{net.graph.state("velocity", net.first), net.graph.state("velocity", net.second)};
  sgd_update(std::vector{net.w1, net.w2}, gradients, velocities, net.graph.scalar("lr"), {.momentum = 0.9f});
  const StageCut cut = cut_into_stages(net.graph, {});  // writers are reasons enough
  check_cut(net.graph, cut, Crossing::store);
  ASSERT_FALSE(cut.writers.empty());
  for (const Stage& stage : cut.stages)
    for (const NodeId n : stage.once) EXPECT_TRUE(net.graph.node(n).op->mutates().empty());
}

TEST(Stages, AnAccumulatorThatWaitsForALateOneIsLater) {
  // `late` may run in the first stage, but its expensive input is at home in the third; what reads it must follow.
  Graph g;
  const Var n = g.sample_count(), x = g.input("x", {4});
  const Var y = linear(x, g.parameter(Parameter(Tensor({4, 4}), "w")));
  Var z = x;
  for (int i = 0; i < 4; ++i) z = sub(z, div(batch_sum(z), n));
  Var second = x;
  for (int i = 0; i < 2; ++i) second = sub(second, div(batch_sum(second), n));
  const Var home = batch_sum(mul(y, second));
  const Var late = batch_sum(y), reader = batch_sum(mul(x, late));
  const Var last = batch_sum(mul(mul(z, z), div(home, n)));
  const std::vector<ValueId> outputs{last.id(), reader.id()};
  for (const Crossing crossing : {Crossing::store, Crossing::recompute})
    check_cut(g, cut_into_stages(g, outputs, crossing), crossing);
}

/// A random graph of both scopes: every op on four features.
std::vector<Var> random_values(Graph& g, std::mt19937& engine, int nodes) {
  std::vector<Var> values{g.input("x", {4}), g.input("z", {4}), g.parameter(Parameter(Tensor({4}), "v"))};
  const Var w = g.parameter(Parameter(Tensor({4, 4}), "w"));
  const auto any = [&] { return values[engine() % values.size()]; };
  const auto sample = [&] {
    for (;;)
      if (const Var v = any(); v.is_sample()) return v;
  };
  for (int i = 0; i < nodes; ++i) switch (engine() % 7) {
      case 0: values.push_back(add(any(), any())); break;
      case 1: values.push_back(mul(any(), any())); break;
      case 2: values.push_back(linear(sample(), w)); break;
      case 3: values.push_back(batch_sum(sample())); break;
      case 4: values.push_back(div(any(), g.sample_count())); break;
      case 5: values.push_back(slice(batch_gather(sample(), 5))); break;
      case 6: values.push_back(mul(any(), sum_per_sample(batch_sum(sample())))); break;
    }
  return values;
}

TEST(Stages, OfRandomGraphsCanBeExecuted) {
  std::size_t most = 0;
  for (unsigned seed = 0; seed < 300 && !testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937 engine(seed);
    Graph g;
    const std::vector<Var> values = random_values(g, engine, 6 + static_cast<int>(seed % 25));
    Var loss;
    for (std::size_t i = values.size() - 3; i < values.size(); ++i) {
      const Var sum = sum_per_sample(values[i]);
      const Var term = sum.is_sample() ? batch_sum(sum) : sum;
      loss = loss ? add(loss, term) : term;
    }
    std::vector<ValueId> outputs{loss.id(), values.back().id(), values[values.size() / 2].id()};
    for (const Var& gradient : differentiate(loss, std::vector{values[0], values[2]})) outputs.push_back(gradient.id());
    const FoldedGraph folded = fold_factors(g, outputs);
    std::vector<ValueId> folded_outputs;
    for (const Var& v : folded.outputs) folded_outputs.push_back(v.id());
    for (const Crossing crossing : {Crossing::store, Crossing::recompute}) {
      const StageCut cut = cut_into_stages(g, outputs, crossing);
      most = std::max(most, cut.stages.size());
      check_cut(g, cut, crossing);
      const StageCut less = cut_into_stages(*folded.graph, folded_outputs, crossing);
      check_cut(*folded.graph, less, crossing);
      EXPECT_LE(less.stages.size(), cut.stages.size());
    }
  }
  EXPECT_GE(most, 5u);  // the graphs are not too simple
}

TEST(EarliestStages, CountTheBarriersBeforeAValue) {
  Graph g;
  const Var x = g.input("x", {4}), v = g.parameter(Parameter(Tensor({4}), "v"));
  const Var twice = scale(v, 2), product = mul(x, twice), sum = batch_sum(product), late = mul(x, sum);
  const Var mean = div(sum, g.sample_count()), second = batch_sum(mul(late, mean));
  const std::vector<int> earliest = earliest_stages(g);
  const auto of = [&](Var value) { return earliest[static_cast<std::size_t>(value.id())]; };
  EXPECT_EQ(of(x), 0);
  EXPECT_EQ(of(v), -1);
  EXPECT_EQ(of(twice), -1);
  EXPECT_EQ(of(product), 0);
  EXPECT_EQ(of(sum), 0);
  EXPECT_EQ(of(mean), 0);
  EXPECT_EQ(of(late), 1);
  EXPECT_EQ(of(second), 1);
}

}  // namespace
}  // namespace sluice::test
