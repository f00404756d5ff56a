#include <sluice/core/graph.h>

#include <gtest/gtest.h>

#include <sluice/core/differentiate.h>
#include <sluice/core/error.h>
#include <sluice/core/structural.h>
#include <sluice/kernels/arithmetic/arithmetic.h>
#include <sluice/kernels/linear/linear.h>
#include <sluice/kernels/reduce/reduce.h>
#include <sluice/kernels/relu/relu.h>

namespace sluice::test {
namespace {

/// The node that makes `v`.
const Node& maker(Var v) { return v.graph().node(v.graph().value(v.id()).producer); }
std::string_view made_by(Var v) { return maker(v).op->type(); }

Parameter parameter(const Shape& shape, const std::string& name = "p") { return Parameter(Tensor(shape), name); }

TEST(Graph, SharesEqualNodes) {
  Graph g;
  const Var x = g.input("x", {3}), y = g.input("y", {3});
  EXPECT_EQ(relu(x), relu(x));
  EXPECT_EQ(mul(relu(x), y), mul(relu(x), y));
  EXPECT_NE(relu(x), relu(y));
  EXPECT_NE(sub(x, y), sub(y, x));
  EXPECT_NE(scale(x, 2), scale(x, 3));
  EXPECT_EQ(scale(x, 2), scale(x, 2));
  EXPECT_EQ(g.nodes(), 7);
}

TEST(Graph, SharesLeavesByIdentity) {
  Graph g;
  const Parameter a = parameter({3}), b = parameter({3});
  EXPECT_EQ(g.parameter(a), g.parameter(a));
  EXPECT_NE(g.parameter(a), g.parameter(b));  // equal names do not make one parameter
  EXPECT_EQ(g.state("m", a), g.state("m", a));
  EXPECT_NE(g.state("m", a), g.state("v", a));
  EXPECT_NE(g.state("m", a), g.state("m", b));
  EXPECT_EQ(g.scalar("lr"), g.scalar("lr"));
  EXPECT_EQ(g.sample_count(), g.scalar("n"));
  EXPECT_EQ(g.constant(1), g.constant(1));
  EXPECT_NE(g.constant(1), g.constant(1, {3}));
  EXPECT_NE(g.constant(1), g.constant(1, {}, DType::f64));
  EXPECT_NE(g.constant(1e-9), g.constant(2e-9));
}

TEST(Graph, RefusesTwoDeclarationsOfOneName) {
  Graph g;
  g.input("x", {3});
  EXPECT_EQ(g.input("x", {3}).shape(), (Shape{3}));
  try {
    g.input("x", {4});
    ADD_FAILURE() << "x was declared twice";
  } catch (const ShapeError& error) {
    const std::string text = error.what();
    EXPECT_NE(text.find("x is declared twice; got f32[N,3] and f32[N,4]"), std::string::npos) << text;
  }
  EXPECT_THROW(g.input("x", {3}, DType::f64), ShapeError);
  g.scalar("s");
  EXPECT_THROW(g.scalar("s", DType::f64), ShapeError);
  EXPECT_NO_THROW(g.scalar("x"));  // another kind of leaf
}

TEST(Graph, RefusesVarsOfAnotherGraph) {
  Graph g, other;
  const Var x = g.input("x", {3});
  EXPECT_THROW(mul(x, other.input("x", {3})), UsageError);
  EXPECT_THROW(sub(x, Var()), UsageError);
  EXPECT_EQ(g.nodes(), 0);
}

TEST(Graph, MakesOpsOnBroadcastsBatchOps) {
  Graph g;
  const Var v = g.parameter(parameter({3})), w = g.parameter(parameter({3}, "q"));
  const Var y = mul(relu(broadcast(v)), broadcast(w));
  EXPECT_TRUE(y.is_sample());
  ASSERT_EQ(made_by(y), "broadcast");
  EXPECT_EQ(g.var(maker(y).inputs[0]), mul(relu(v), w));  // computed once, not for every sample
  for (NodeId n = 0; n < g.nodes(); ++n) EXPECT_EQ(g.is_batch_node(n), g.node(n).op->type() != "broadcast");

  const Var z = mul(broadcast(v), w);  // a broadcast beside a batch value
  ASSERT_EQ(made_by(z), "broadcast");
  EXPECT_EQ(g.var(maker(z).inputs[0]), mul(v, w));
}

TEST(Graph, BroadcastsABatchValueWhereItCannotBeRead) {
  Graph g;
  const Var x = g.input("x", {4}), v = g.parameter(parameter({3}));
  const Var y = linear(broadcast(g.parameter(parameter({4}))), g.parameter(parameter({3, 4})));  // linear needs samples
  EXPECT_TRUE(y.is_sample());
  EXPECT_EQ(made_by(g.var(maker(y).inputs[0])), "broadcast");
  const Var dw = linear_grad_weight(x, v);  // dy is a batch value here
  EXPECT_EQ(made_by(g.var(maker(dw).inputs[1])), "broadcast");
  EXPECT_EQ(g.var(maker(dw).inputs[1]), broadcast(v));
  EXPECT_TRUE(g.accumulates(g.value(dw.id()).producer));
}

TEST(Graph, ReadsBatchValuesDirectlyWhereItCan) {
  Graph g;
  const Var x = g.input("x", {3}), v = g.parameter(parameter({3}));
  EXPECT_EQ(mul(x, broadcast(v)), mul(x, v));
  EXPECT_EQ(add(x, broadcast(v)), add(v, x));
  EXPECT_EQ(g.var(maker(mul(x, v)).inputs[1]), v);
}

TEST(Graph, KnowsWhatAccumulates) {
  Graph g;
  const Var x = g.input("x", {3}), v = g.parameter(parameter({3}));
  const auto producer = [&](Var y) { return g.value(y.id()).producer; };
  EXPECT_TRUE(g.accumulates(producer(batch_sum(x))));
  EXPECT_TRUE(g.accumulates(producer(batch_gather(x, 5))));
  EXPECT_FALSE(g.accumulates(producer(mul(x, v))));
  EXPECT_FALSE(g.accumulates(producer(mul(v, v))));
  EXPECT_TRUE(g.is_batch_node(producer(mul(v, v))));
  EXPECT_FALSE(g.is_batch_node(producer(mul(x, v))));
  EXPECT_FALSE(g.is_batch_node(producer(broadcast(v))));
  EXPECT_FALSE(g.is_batch_node(producer(batch_sum(x))));
}

TEST(Structural, SumOfABroadcastIsNTimesTheValue) {
  Graph g;
  const Var v = g.parameter(parameter({3}));
  const Var sum = batch_sum(broadcast(v));
  EXPECT_EQ(sum, scale_by(v, g.sample_count()));
  EXPECT_EQ(sum.spec(), v.spec());
  EXPECT_EQ(batch_sum(mul(broadcast(v), broadcast(v))), scale_by(mul(v, v), g.sample_count()));
  EXPECT_EQ(batch_sum(broadcast(g.constant(1))), g.sample_count());
  for (NodeId n = 0; n < g.nodes(); ++n) EXPECT_FALSE(g.accumulates(n));
}

TEST(Structural, ScalingByOneIsNothing) {
  Graph g;
  const Var x = g.input("x", {3}), s = g.scalar("s");
  EXPECT_EQ(scale_by(x, g.constant(1)), x);
  EXPECT_EQ(scale_by(g.constant(1), s), s);
  EXPECT_NE(scale_by(x, g.constant(2)), x);
  EXPECT_NE(scale_by(g.constant(1, {3}), s), s);  // another shape
}

TEST(Structural, HaveTheScopesTheySay) {
  Graph g;
  const Var x = g.input("x", {4, 2}), v = g.parameter(parameter({6, 2}));
  EXPECT_EQ(batch_gather(x, 5).spec(), (ValueSpec{{5, 4, 2}, DType::f32, Scope::batch}));
  EXPECT_EQ(slice(v).spec(), (ValueSpec{{2}, DType::f32, Scope::sample}));
  EXPECT_EQ(broadcast(v).spec(), (ValueSpec{{6, 2}, DType::f32, Scope::sample}));
  EXPECT_EQ(batch_sum(x).spec(), (ValueSpec{{4, 2}, DType::f32, Scope::batch}));
  EXPECT_THROW(broadcast(x), ShapeError);
  EXPECT_THROW(batch_sum(v), ShapeError);
  EXPECT_THROW(batch_gather(v, 5), ShapeError);
  EXPECT_THROW(slice(x), ShapeError);
  EXPECT_THROW(slice(g.scalar("s")), ShapeError);
  EXPECT_THROW(scale_by(x, g.input("s", {})), ShapeError);
  EXPECT_THROW(scale_by(x, g.constant(2, {2})), ShapeError);
}

TEST(Graph, LayersNest) {
  Graph g;
  const Var x = g.input("x", {3});
  EXPECT_EQ(g.layer(), "");
  {
    const LayerScope outer(g, "features");
    EXPECT_EQ(maker(relu(x)).layer, "features");
    {
      const LayerScope inner(g, "0"), unnamed(g, "");
      EXPECT_EQ(g.layer(), "features.0");
      EXPECT_EQ(maker(scale(x, 2)).layer, "features.0");
    }
    EXPECT_EQ(g.layer(), "features");
  }
  EXPECT_EQ(g.layer(), "");
  EXPECT_EQ(maker(relu(x)).layer, "features");  // whoever makes a node first owns it
}

TEST(Graph, GradientNodesInheritTheirLayer) {
  Graph g;
  const Var w = g.parameter(parameter({2, 3})), x = g.input("x", {3});
  Var y;
  {
    const LayerScope scope(g, "head");
    y = linear(x, w);
  }
  {
    const LayerScope scope(g, "act");
    y = relu(y);
  }
  const Var loss = batch_sum(sum_per_sample(y));
  const LayerScope elsewhere(g, "elsewhere");
  const Var dw = differentiate(loss, std::vector{w})[0];
  EXPECT_EQ(maker(dw).layer, "head");
  EXPECT_EQ(maker(g.var(maker(dw).inputs[1])).layer, "act");
  EXPECT_EQ(g.layer(), "elsewhere");
}

TEST(Graph, AncestorsAreWhatIsNeededInOrder) {
  Graph g;
  const Var x = g.input("x", {3});
  const Var a = relu(x), b = scale(a, 2), unused = scale(a, 3), c = mul(a, b);
  const std::vector<NodeId> expected{g.value(a.id()).producer, g.value(b.id()).producer, g.value(c.id()).producer};
  const ValueId id = c.id(), leaf = x.id();
  EXPECT_EQ(g.ancestors({&id, 1}), expected);
  EXPECT_TRUE(g.ancestors({&leaf, 1}).empty());
  EXPECT_TRUE(unused);
}

/// Traces one little model.
std::string fingerprint(const Parameter& p, const Shape& shape, double factor, const std::string& layer, bool twice) {
  Graph g;
  const LayerScope scope(g, layer);
  const Var x = g.input("x", shape);
  scale(mul(x, g.parameter(p)), factor);
  if (twice) relu(x);
  return g.fingerprint();
}

TEST(Graph, FingerprintTellsModelsApart) {
  Parameter p = parameter({3});
  const std::string plain = fingerprint(p, {3}, 2, "a", false);
  EXPECT_EQ(fingerprint(p, {3}, 2, "a", false), plain);
  EXPECT_EQ(fingerprint(p, {3}, 2, "b", false), plain);               // names of layers are no part of the model
  EXPECT_EQ(fingerprint(parameter({3}), {3}, 2, "a", false), plain);  // nor is where a parameter lies
  EXPECT_NE(fingerprint(parameter({3}, "q"), {3}, 2, "a", false), plain);
  EXPECT_NE(fingerprint(parameter({4}), {4}, 2, "a", false), plain);
  EXPECT_NE(fingerprint(p, {3}, 2 + 1e-15, "a", false), plain);
  EXPECT_NE(fingerprint(p, {3}, 2, "a", true), plain);
  p.set_trainable(false);
  EXPECT_NE(fingerprint(p, {3}, 2, "a", false), plain);
}

TEST(Graph, RandomIdsFollowTheTrace) {
  Graph a, b;
  EXPECT_EQ(a.next_random_id(), b.next_random_id());
  EXPECT_NE(a.next_random_id(), a.next_random_id());
}

}  // namespace
}  // namespace sluice::test
