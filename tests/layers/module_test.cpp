#include <sluice/layers/module.h>

#include <type_traits>

#include <gtest/gtest.h>

#include <sluice/core/error.h>
#include <sluice/layers/layers.h>

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

TEST(Module, IsCalledByItsClass) { EXPECT_EQ(Block().str(), "Block"); }

TEST(Module, MovesAndDoesNotCopy) {
  static_assert(!std::is_copy_constructible_v<Block> && std::is_move_constructible_v<Block>);
  Block block;
  initialize(block, 1);
  const Parameter weight = block.first.weight();
  const Block moved = std::move(block);
  EXPECT_EQ(moved.first.weight().data(), weight.data());
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
