#include <sluice/layers/module.h>

#include <map>
#include <memory>
#include <type_traits>

#include <gtest/gtest.h>

#include <sluice/core/error.h>
#include <sluice/core/evaluate.h>
#include <sluice/core/parameter_values.h>
#include <sluice/layers/layers.h>
#include <sluice/layers/summary.h>

namespace sluice::test {
namespace {

class Block final : public Module {
 public:
  Var forward(Var x) override { return second(relu(first(x))); }
  void children(const ChildVisitor& visit) override {
    visit("first", first);
    visit("relu", relu);
    visit("second", second);
  }
  Linear first{{.in = 4, .out = 3}};
  ReLU relu;
  Linear second{{.in = 3, .out = 2}};
};

/// Uses one layer twice, under two names.
class Tied final : public Module {
 public:
  Var forward(Var x) override { return layer_(layer_(x)); }
  void children(const ChildVisitor& visit) override {
    visit("a", layer_);
    visit("b", layer_);
  }

 private:
  Linear layer_{{.in = 4, .out = 4}};
};

TEST(Module, NamesFollowTheTree) {
  Sequential net(Block(), Linear({.in = 2, .out = 2}));
  name_modules(net);
  std::vector<std::string> names;
  for (const Parameter& parameter : all_parameters(net)) names.push_back(parameter.name());
  EXPECT_EQ(names, (std::vector<std::string>{"0.first.weight", "0.first.bias", "0.second.weight", "0.second.bias",
                                             "1.weight", "1.bias"}));
  Graph graph;
  net(graph.input("x", {4}));
  EXPECT_EQ(graph.node(0).layer, "0.first");
  EXPECT_EQ(graph.node(graph.nodes() - 1).layer, "1");
  EXPECT_EQ(graph.layer(), "");
}

TEST(Module, SharedParametersCountOnce) {
  Tied net;
  name_modules(net);
  EXPECT_EQ(all_parameters(net).size(), 2u);
  EXPECT_EQ(all_parameters(net)[0].name(), "a.weight");
}

/// Children and parameters of any names.
class Named final : public Module {
 public:
  Named(std::vector<std::string> children, std::vector<std::string> parameters)
      : children_names(std::move(children)),
        parameter_names(std::move(parameters)),
        layers_(children_names.size()) {
    for (const std::string& name : parameter_names) parameters_.emplace_back(Tensor({4}), name);
  }
  Var forward(Var x) override {
    for (Layer& layer : layers_) x = layer(x);
    return x;
  }
  void children(const ChildVisitor& visit) override {
    for (std::size_t i = 0; i < children_names.size(); ++i) visit(children_names[i], layers_[i]);
  }
  void parameters(const ParameterVisitor& visit) override {
    for (std::size_t i = 0; i < parameter_names.size(); ++i) visit(parameter_names[i], parameters_[i]);
  }
  std::vector<std::string> children_names, parameter_names;

 private:
  struct Layer final : Module {
    Var forward(Var x) override { return linear(x); }
    void children(const ChildVisitor& visit) override { visit("b", linear); }
    Linear linear{{.in = 4, .out = 4}};
  };
  std::vector<Layer> layers_;
  std::vector<Parameter> parameters_;
};

TEST(Module, TwoOfOneNameAreRefusedByEveryWalk) {
  const auto refusal = [](const auto& call) -> std::string {
    try {
      call();
    } catch (const UsageError& error) {
      return error.what();
    }
    return "";
  };
  const std::string text = "model: two children of layer 1 (Named) are called 'a'; expected different names";
  Sequential net(Block(), Named({"a", "c", "a"}, {}));
  EXPECT_EQ(refusal([&] { named_parameters(net); }), text);
  EXPECT_EQ(refusal([&] { name_modules(net); }), text);
  EXPECT_EQ(refusal([&] { initialize(net, 1); }), text);
  EXPECT_EQ(refusal([&] { summary(net, {4}); }), text);
  Graph graph;
  EXPECT_EQ(refusal([&] { net(graph.input("x", {4})); }), text);

  const auto refusal_of = [&](std::vector<std::string> children, std::vector<std::string> parameters) {
    Named named(std::move(children), std::move(parameters));
    return refusal([&] { named_parameters(named); });
  };
  EXPECT_EQ(refusal_of({"a", "a"}, {}),
            "model: two children of the model (Named) are called 'a'; expected different names");
  EXPECT_EQ(refusal_of({}, {"w", "v", "w"}),
            "model: two parameters of the model (Named) are called 'w'; expected different names");
  EXPECT_EQ(refusal_of({"a"}, {"a.b.weight"}),
            "model: two parameters have the path 'a.b.weight'; expected different names");
  EXPECT_EQ(refusal_of({"a", "a.b"}, {}), "model: two layers have the path 'a.b'; expected different names");
  EXPECT_EQ(refusal_of({"a", "b"}, {"a", "w"}), "");
}

TEST(Module, ModesAndFreezingReachTheWholeTree) {
  Block block;
  block.set_training(false);
  EXPECT_FALSE(block.training());
  EXPECT_FALSE(block.second.training());
  block.set_training(true);
  EXPECT_TRUE(block.relu.training());
  block.first.set_trainable(false);
  EXPECT_FALSE(block.first.weight().trainable());
  EXPECT_TRUE(block.second.weight().trainable());
  block.set_trainable(false);
  EXPECT_FALSE(block.second.bias().trainable());
}

TEST(Module, ErrorsNameTheInnermostLayerOnce) {
  Sequential net(Block(), Linear({.in = 5, .out = 2}));  // the block makes 2 features
  name_modules(net);
  Graph graph;
  try {
    net(graph.input("x", {4}));
    FAIL() << "expected a ShapeError";
  } catch (const ShapeError& error) {
    const std::string text = error.what();
    EXPECT_NE(text.find("linear: "), std::string::npos) << text;
    EXPECT_NE(text.find("(in layer 1: Linear(5, 2))"), std::string::npos) << text;
    EXPECT_EQ(text.find("(in layer"), text.rfind("(in layer")) << text;
  }
  EXPECT_EQ(graph.layer(), "");
}

TEST(Module, NamesAreThereBeforeAnythingIsTraced) {
  Sequential net(Block(), Linear({.in = 2, .out = 2}));
  EXPECT_EQ(all_parameters(net)[2].name(), "0.second.weight");
  std::vector<std::string> names;
  for (const auto& [name, parameter] : named_parameters(net)) {
    EXPECT_EQ(parameter.name(), name);
    names.push_back(name);
  }
  EXPECT_EQ(names, (std::vector<std::string>{"0.first.weight", "0.first.bias", "0.second.weight", "0.second.bias",
                                             "1.weight", "1.bias"}));
}

TEST(Module, ErrorsAboutParametersUseTheNames) {
  Sequential net(Block(), Linear({.in = 2, .out = 2}));
  for (auto& [name, parameter] : named_parameters(net)) {
    try {
      parameter.write(Tensor({7}));
      FAIL() << "expected a ShapeError";
    } catch (const ShapeError& error) {
      EXPECT_NE(std::string(error.what()).find("parameter " + name + ": "), std::string::npos) << error.what();
    }
  }
}

TEST(Module, AWalkOverASubtreeLeavesTheLongerPath) {
  Sequential net(Block(), Linear({.in = 2, .out = 2}));
  EXPECT_EQ(named_parameters(net[0])[0].name, "first.weight");
  EXPECT_EQ(all_parameters(net)[0].name(), "0.first.weight");
  EXPECT_EQ(named_parameters(net[0])[0].name, "first.weight");
  net[0].set_trainable(false);
  EXPECT_EQ(all_parameters(net[0])[0].name(), "0.first.weight");
  name_modules(net[0]);  // the root, says its caller
  EXPECT_EQ(all_parameters(net[0])[0].name(), "first.weight");
}

TEST(Module, ARootThatIsCalledNamesItsTree) {
  Sequential net(Block(), Linear({.in = 2, .out = 2}));
  Graph graph;
  net(graph.input("x", {4}));
  EXPECT_EQ(graph.node(0).layer, "0.first");
  EXPECT_EQ(graph.value(graph.node(0).inputs[1]).leaf.parameter->name, "0.first.weight");
}

TEST(Module, IsCalledByItsClass) { EXPECT_EQ(Block().str(), "Block"); }

TEST(Module, MovesAndDoesNotCopy) {
  static_assert(!std::is_copy_constructible_v<Block> && std::is_move_constructible_v<Block>);
  Block block;
  initialize(block, 1);
  const Parameter weight = block.first.weight();
  const Block moved = std::move(block);
  EXPECT_EQ(moved.first.weight().data(), weight.data());
}

TEST(Module, LifetimeEndsWithTheModuleOrAMove) {
  auto block = std::make_unique<Block>();
  const std::weak_ptr<const void> first = block->lifetime();
  EXPECT_FALSE(first.expired());
  Block moved = std::move(*block);
  EXPECT_TRUE(first.expired());
  const std::weak_ptr<const void> second = moved.lifetime();
  block.reset();
  EXPECT_FALSE(second.expired());
  Block other;
  const std::weak_ptr<const void> target = other.lifetime();
  other = std::move(moved);
  EXPECT_TRUE(second.expired());
  EXPECT_FALSE(target.expired());  // still a module, with other parameters
}

TEST(Module, StatisticsAreFrozenInTheWholeTree) {
  Sequential net(Sequential(BatchNorm2d(2), ReLU()), BatchNorm2d(2));
  net[0].freeze_statistics();
  EXPECT_TRUE(net[0].statistics_frozen());
  EXPECT_FALSE(net.statistics_frozen());
  Graph graph;
  net(graph.input("x", {2, 3, 3}));
  ASSERT_EQ(graph.writers().size(), 1u);  // of the second layer, not of the one in the frozen tree
  EXPECT_EQ(graph.node(graph.writers()[0]).layer, "1");
  net[0].freeze_statistics(false);
  Graph free;
  net(free.input("x", {2, 3, 3}));
  EXPECT_EQ(free.writers().size(), 2u);
}

TEST(Initialize, LeavesAloneWhatHasNoFirstValues) {
  Linear loaded({.in = 2, .out = 2, .bias = false, .init = init::none()}), empty({.in = 2, .out = 2, .init = {}});
  for (Linear* const layer : {&loaded, &empty}) {
    initialize(*layer, 1);
    Parameter weight = layer->weight();
    EXPECT_FALSE(has_value(*weight.data()));
    Graph graph;
    const Var y = (*layer)(graph.input("x", {2}));
    const Tensor x = Tensor::of<float>({1, 2}, {3, 4});
    try {
      evaluate(y, {{"x", x}});
      FAIL() << "expected a UsageError";
    } catch (const UsageError& error) {
      EXPECT_NE(std::string(error.what()).find("no value for parameter 'weight' f32[2,2]"), std::string::npos)
          << error.what();
    }
    weight.write(Tensor::of<float>({2, 2}, {1, 0, 0, 1}));
    const Tensor value = evaluate(y, {{"x", x}});
    EXPECT_EQ(value.values<float>()[1], 4);
  }
}

TEST(Initialize, EvaluationNeedsIt) {
  Block block;
  Graph graph;
  const Var y = block(graph.input("x", {4}));
  const std::map<std::string, Tensor> inputs{{"x", Tensor({1, 4})}};
  EXPECT_THROW(evaluate(y, inputs), UsageError);
  initialize(block, 1);
  EXPECT_NO_THROW(evaluate(y, inputs));
}

TEST(Initialize, FillsNewParametersOnly) {
  Block block;
  initialize(block, 1);
  const Tensor before = block.first.weight().read();
  EXPECT_TRUE(block.first.weight().data()->initialized);
  const Tensor given = Tensor::of<float>({2, 3}, {1, 2, 3, 4, 5, 6});
  Parameter(block.second.weight()).write(given);
  initialize(block, 2, /*only_new=*/true);
  EXPECT_EQ(block.second.weight().read().values<float>()[5], 6);
  EXPECT_EQ(block.first.weight().read().values<float>()[0], before.values<float>()[0]);
  initialize(block, 2);
  EXPECT_NE(block.first.weight().read().values<float>()[0], before.values<float>()[0]);
  EXPECT_NE(block.second.weight().read().values<float>()[5], 6);
}

}  // namespace
}  // namespace sluice::test
