// Modules with several inputs.

#include <sluice/layers/module.h>

#include <concepts>
#include <sstream>
#include <vector>

#include <gtest/gtest.h>

#include <sluice/core/error.h>
#include <sluice/core/structural.h>
#include <sluice/kernels/arithmetic/arithmetic.h>
#include <sluice/kernels/concat/concat.h>
#include <sluice/layers/layers.h>
#include <sluice/layers/summary.h>

#include "support/check_module.h"

namespace sluice::test {
namespace {

/// conv(concat(skip, upsample(x))): the decoder block of a U-Net.
class Up final : public ModuleOf<Var(Var x, Var skip)> {
 public:
  Var forward(Var x, Var skip) override { return conv_(concat({skip, upsample_(x)})); }
  void children(const ChildVisitor& visit) override {
    visit("upsample", upsample_);
    visit("conv", conv_);
  }

 private:
  UpsampleNearest2d upsample_{2};
  Conv2d conv_{{.in = 5, .out = 3, .kernel = 3, .padding = 1}};
};

/// Down, and up again past a skip connection.
class SkipNet final : public Module {
 public:
  Var forward(Var x) override { return up_(low_(pool_(x)), x); }
  void children(const ChildVisitor& visit) override {
    visit("pool", pool_);
    visit("low", low_);
    visit("up", up_);
  }

 private:
  MaxPool2d pool_{2};
  Conv2d low_{{.in = 2, .out = 3, .kernel = 1}};
  Up up_;
};

/// The sum of as many inputs as there are, and what the first one was: any types, as a function has.
class Sum final : public ModuleOf<std::vector<Var>(const std::vector<Var>& terms, double factor)> {
 public:
  std::vector<Var> forward(const std::vector<Var>& terms, double factor) override {
    Var sum;
    for (const Var& term : terms)
      if (term) sum = sum ? add(sum, term) : term;
    return {scale(sum, factor), terms[0]};
  }
};

TEST(ModuleOf, IsAModuleOfTheTree) {
  SkipNet net;
  std::vector<std::string> names;
  for (const NamedParameter& parameter : named_parameters(net)) names.push_back(parameter.name);
  EXPECT_EQ(names, (std::vector<std::string>{"low.weight", "low.bias", "up.conv.weight", "up.conv.bias"}));
  net.set_training(false);
  net.children([](std::string_view, ModuleBase& child) { EXPECT_FALSE(child.training()); });
  check_module(net, {.input = {2, 4, 6}});
}

TEST(ModuleOf, ItsNodesBelongToItsLayer) {
  SkipNet net;
  Graph graph;
  net(graph.input("x", {2, 4, 4}));
  std::vector<std::string> layers;
  for (NodeId n = 0; n < graph.nodes(); ++n)
    if (layers.empty() || layers.back() != graph.node(n).layer) layers.push_back(graph.node(n).layer);
  EXPECT_EQ(layers, (std::vector<std::string>{"pool", "low", "up.upsample", "up", "up.conv"}));
}

TEST(ModuleOf, ErrorsNameTheLayer) {
  Up up;
  Graph graph;
  const Var x = graph.input("x", {3, 2, 2}), skip = graph.input("skip", {1, 4, 4}), odd = graph.input("odd", {2, 3, 3});
  const auto text = [&](Var a, Var b) -> std::string {
    try {
      up(a, b);
    } catch (const ShapeError& error) {
      return error.what();
    }
    return "no ShapeError";
  };
  EXPECT_NE(text(x, skip).find("(in layer conv: Conv2d(5, 3"), std::string::npos) << text(x, skip);
  EXPECT_NE(text(x, odd).find("concat"), std::string::npos) << text(x, odd);
  EXPECT_THROW(up(Var(), Var()), UsageError);
}

TEST(ModuleOf, CallsAreCheckedByTheCompiler) {
  static_assert(std::invocable<Up&, Var, Var> && !std::invocable<Up&, Var> && !std::invocable<Up&, Var, Var, Var>);
  static_assert(std::invocable<SkipNet&, Var> && !std::invocable<SkipNet&, Var, Var>);
  static_assert(!std::constructible_from<Sequential, Up>);  // whose modules have one input
}

TEST(ModuleOf, TakesAndReturnsWhatAFunctionMay) {
  Sum sum;
  Graph graph;
  const Var a = graph.input("a", {3}), b = graph.input("b", {3});
  const std::vector<Var> results = sum({Var(), a, b}, 2);
  EXPECT_EQ(results[0], scale(add(a, b), 2));
  EXPECT_FALSE(results[1]);
  EXPECT_THROW(sum({}, 1), UsageError);
}

TEST(ModuleOf, SummaryShowsEveryInput) {
  Up up;
  const Summary s = summary(up, {Shape{3, 4, 4}, Shape{2, 8, 8}});
  EXPECT_EQ(s.inputs, (std::vector<Shape>{{3, 4, 4}, {2, 8, 8}}));
  ASSERT_EQ(s.rows.size(), 3u);
  EXPECT_EQ(s.rows[0].layer, "");  // the concatenation
  EXPECT_EQ(s.rows[0].output, (Shape{5, 8, 8}));
  EXPECT_EQ(s.rows[2].layer, "conv");
  EXPECT_EQ(s.parameters, 3 * 5 * 9 + 3);
  std::ostringstream text;
  text << s;
  for (const char* part : {"input 0", "[N,3,4,4]", "input 1", "[N,2,8,8]"})
    EXPECT_NE(text.str().find(part), std::string::npos) << part << " in\n" << text.str();

  SkipNet net;
  std::ostringstream inside;
  inside << summary(net, {2, 4, 4});
  EXPECT_NE(inside.str().find("up.conv"), std::string::npos) << inside.str();
  EXPECT_EQ(inside.str().find("input 0"), std::string::npos) << inside.str();
}

}  // namespace
}  // namespace sluice::test
