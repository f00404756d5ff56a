#include <sluice/core/fuse.h>

#include <gtest/gtest.h>

#include <sluice/core/device.h>
#include <sluice/core/error.h>
#include <sluice/core/kernel.h>
#include <sluice/core/structural.h>

namespace sluice::test {
namespace {

using Names = std::vector<std::string>;

/// Elementwise, of one input or two equal ones; with a second output if asked for. Of either scope.
class NamedOp final : public Op {
 public:
  explicit NamedOp(std::string type, std::size_t outputs = 1) : type_("fuse_test." + type), outputs_(outputs) {}
  std::string_view type() const override { return type_; }
  std::vector<ValueSpec> infer(std::span<const ValueSpec> in) const override { return {outputs_, in[0]}; }
  bool batch_capable() const override { return true; }
  bool reads_batch(int input) const override { return input == 1; }

 private:
  std::string type_;
  std::size_t outputs_;
};

/// Writes its input 0.
class WriterOp final : public Op {
 public:
  std::string_view type() const override { return "fuse_test.writer"; }
  std::vector<ValueSpec> infer(std::span<const ValueSpec>) const override { return {}; }
  std::vector<int> mutates() const override { return {0}; }
};

/// A rule: `first`, then `second`, become `both`, which reads what the two read.
FusionRule rule(const std::string& first, const std::string& second, const std::string& both, bool repeats = false) {
  const auto fuse = [both](const FusionContext& pair) {
    FusedNode fused{std::make_shared<NamedOp>(both, pair.second().outputs.size()), pair.second().inputs};
    fused.inputs[static_cast<std::size_t>(pair.input())] = pair.first().inputs[0];
    return fused;
  };
  return {.first = "fuse_test." + first, .second = "fuse_test." + second, .fuse = fuse, .repeats_first = repeats};
}

/// Rules of this file, and a kernel for one of the ops that they make.
void add_rules() {
  add_fusion_rule(rule("a", "b", "ab"));
  add_fusion_rule(rule("ab", "c", "abc"));
  add_fusion_rule(rule("free", "b", "free_b", true));
  add_fusion_rule(rule("free", "c", "free_c", true));
  add_fusion_rule({.first = "fuse_test.a", .second = "fuse_test.wrong", .fuse = [](const FusionContext& pair) {
                     return FusedNode{std::make_shared<NamedOp>("flat"), {pair.first().inputs[1]}};
                   }});
  add_fusion_rule({.first = "fuse_test.a", .second = "fuse_test.if_alone", .fuse = [](const FusionContext& pair) {
                     if (pair.is_read(pair.second().outputs[1])) return FusedNode{};
                     return FusedNode{std::make_shared<NamedOp>("alone"), pair.first().inputs};
                   }});
  add_fusion_rule({.first = "batch_sum", .second = "fuse_test.b", .fuse = [](const FusionContext& pair) {
                     return FusedNode{std::make_shared<NamedOp>("never"), pair.first().inputs};
                   }});
  Device::cpu().backend().add_kernel("fuse_test.ab", [](LoweringContext&) { return std::unique_ptr<Kernel>(); });
}

class Fuse : public testing::Test {
 protected:
  static void SetUpTestSuite() { [[maybe_unused]] static const bool once = (add_rules(), true); }

  std::vector<Var> node(const std::string& type, const std::vector<Var>& inputs, std::size_t outputs = 1) {
    return graph_.add(std::make_shared<NamedOp>(type, outputs), inputs);
  }
  Var op(const std::string& type, Var x) { return node(type, {x})[0]; }

  FusedGraph fused(const std::vector<Var>& outputs, const Backend* device = nullptr) const {
    std::vector<ValueId> ids;
    for (const Var& var : outputs) ids.push_back(var.id());
    return fuse(graph_, ids, device);
  }
  /// Types of the nodes that are left, in running order, without the tests' prefix.
  Names names(const std::vector<Var>& outputs, const Backend* device = nullptr) const {
    const FusedGraph result = fused(outputs, device);
    Names names;
    for (NodeId n = 0; n < result.graph->nodes(); ++n) {
      const std::string type(result.graph->node(n).op->type());
      names.push_back(type.starts_with("fuse_test.") ? type.substr(10) : type);
    }
    return names;
  }

  Graph graph_;
  Var x_ = graph_.input("x", {3});
};

TEST_F(Fuse, APairThatNobodyElseReads) {
  const Var y = op("b", op("a", x_));
  EXPECT_EQ(names({y}), (Names{"ab"}));
  const FusedGraph result = fused({y});
  EXPECT_EQ(result.outputs.at(0).spec(), y.spec());
  EXPECT_EQ(result.graph->value(result.graph->node(0).inputs.at(0)).leaf.name, "x");
}

TEST_F(Fuse, WhatIsFusedIsFusedFurther) { EXPECT_EQ(names({op("c", op("b", op("a", x_)))}), (Names{"abc"})); }

TEST_F(Fuse, NotAResultThatIsAskedFor) {
  const Var a = op("a", x_);
  EXPECT_EQ(names({op("b", a), a}), (Names{"a", "b"}));
  EXPECT_EQ(names({a}), (Names{"a"})) << "what reads it is not needed";
}

TEST_F(Fuse, NotAResultWithAnotherReader) {
  const Var a = op("a", x_), b = op("b", a);
  EXPECT_EQ(names({b}), (Names{"ab"}));
  const Var other = op("other", a);
  EXPECT_EQ(names({b}), (Names{"ab"})) << "nobody needs the other reader";
  EXPECT_EQ(names({b, other}), (Names{"a", "b", "other"}));
}

TEST_F(Fuse, NotAResultThatOneNodeReadsTwice) {
  const Var a = op("a", x_), b = node("b", {a, a})[0];
  EXPECT_EQ(names({b}), (Names{"a", "b"}));
}

TEST_F(Fuse, NotWhatAWriterReads) {
  const Parameter parameter(Tensor({3}), "w");
  const Var w = graph_.parameter(parameter), a = op("a", w);
  graph_.add(std::make_shared<WriterOp>(), std::vector{w, a});
  EXPECT_EQ(names({op("b", a)}), (Names{"a", "writer", "b"}));
}

// A result for every micro-batch does not become part of a node that runs once, and the reverse.
TEST_F(Fuse, NotAcrossTheTwoScopes) {
  const Var of_batch = graph_.constant(1, {3});
  EXPECT_EQ(names({op("b", op("a", of_batch))}), (Names{"ab"}));
  const Var total = batch_sum(op("b", op("a", x_)));
  EXPECT_EQ(names({total}), (Names{"ab", "batch_sum"}));
  EXPECT_EQ(names({op("b", total)}), (Names{"ab", "batch_sum", "b"}));
  // The same where a node for every micro-batch reads the batch value itself.
  EXPECT_EQ(names({node("b", {x_, op("a", of_batch)})[0]}), (Names{"a", "b"}));
  EXPECT_EQ(names({node("b", {x_, batch_sum(x_)})[0]}), (Names{"batch_sum", "b"}));
}

TEST_F(Fuse, ByEveryReaderWhereThatIsNoMoreWork) {
  const Var free = op("free", x_), b = op("b", free), c = op("c", free);
  EXPECT_EQ(names({b, c}), (Names{"free_b", "free_c"}));
  EXPECT_EQ(names({b, c, op("other", free)}), (Names{"free", "b", "c", "other"})) << "by all of them or by none";
}

TEST_F(Fuse, SeesWhichOutputsAreRead) {
  const std::vector<Var> second = node("if_alone", {op("a", x_)}, 2);
  EXPECT_EQ(names({second[0]}), (Names{"alone"}));
  EXPECT_EQ(names({second[0], second[1]}), (Names{"a", "if_alone"}));
}

TEST_F(Fuse, OnlyOutputZeroGoesIntoTheSecond) {
  const std::vector<Var> first = node("a", {x_}, 2);
  EXPECT_EQ(names({op("b", first[0])}), (Names{"ab"}));
  EXPECT_EQ(names({op("b", first[1])}), (Names{"a", "b"}));
  EXPECT_EQ(names({op("b", first[0]), first[1]}), (Names{"a", "b"}));
}

TEST_F(Fuse, OnlyWhereTheDeviceHasTheKernel) {
  const Backend& cpu = Device::cpu().backend();
  EXPECT_EQ(names({op("b", op("a", x_))}, &cpu), (Names{"ab"}));
  EXPECT_EQ(names({op("c", op("b", op("a", x_)))}, &cpu), (Names{"ab", "c"}));
  EXPECT_EQ(names({op("b", op("free", x_))}, &cpu), (Names{"free", "b"}));
}

TEST_F(Fuse, BelongsToTheLayerOfTheOneThatReadsMore) {
  const auto in_layers = [&](const std::vector<Var>& first_inputs, const std::vector<Var>& others) {
    Var y;
    {
      const LayerScope scope(graph_, "first");
      y = node("a", first_inputs)[0];
    }
    const LayerScope scope(graph_, "second");
    std::vector<Var> inputs{y};
    inputs.insert(inputs.end(), others.begin(), others.end());
    return fused({node("b", inputs)[0]}).graph->node(0).layer;
  };
  const Var z = graph_.input("z", {3});
  EXPECT_EQ(in_layers({x_, z}, {}), "first");
  EXPECT_EQ(in_layers({z}, {x_, z}), "second");
  EXPECT_EQ(in_layers({x_}, {}), "first");
}

TEST_F(Fuse, IsTheSameEveryTime) {
  std::vector<Var> outputs;
  for (const char* last : {"b", "c", "other"}) outputs.push_back(op(last, op("b", op("a", op(last, x_)))));
  EXPECT_EQ(fused(outputs).graph->fingerprint(), fused(outputs).graph->fingerprint());
}

TEST_F(Fuse, RefusesARuleThatMakesOtherValues) {
  const Var other = graph_.input("other", {4});
  try {
    fused({op("wrong", node("a", {x_, other})[0])});
    ADD_FAILURE() << "the rule was followed";
  } catch (const UsageError& error) {
    const std::string text = error.what();
    for (const char* part : {"fuse_test.a and fuse_test.wrong", "got f32[N,4]", "expected f32[N,3]"})
      EXPECT_NE(text.find(part), std::string::npos) << text;
  }
}

TEST_F(Fuse, HasOneRuleForAPair) {
  EXPECT_THROW(add_fusion_rule(rule("a", "b", "again")), UsageError);
  EXPECT_THROW(add_fusion_rule({.first = "add", .second = "relu", .fuse = {}}), UsageError) << "the library's own";
}

}  // namespace
}  // namespace sluice::test
