// Which two ops are lowered as one, on a device that does a convolution and its relu in one pass.

#include <algorithm>

#include <gtest/gtest.h>

#include <sluice/core/differentiate.h>
#include <sluice/core/error.h>
#include <sluice/core/lowering.h>
#include <sluice/core/structural.h>
#include <sluice/kernels/arithmetic/arithmetic.h>
#include <sluice/kernels/conv2d/conv2d.h>
#include <sluice/kernels/reduce/reduce.h>
#include <sluice/kernels/reference/reference_backend.h>
#include <sluice/kernels/relu/relu.h>

#include "support/relu_mask.h"

namespace sluice::test {
namespace {

using Names = std::vector<std::string>;

/// Two outputs of the input's size, of which the first may take its place.
class SplitOp final : public Op {
 public:
  std::string_view type() const override { return "split"; }
  std::vector<ValueSpec> infer(std::span<const ValueSpec> in) const override { return {in[0], in[0]}; }
  std::vector<int> in_place_inputs() const override { return {0}; }
};

class FusingBackend final : public Backend {
 public:
  FusingBackend() {
    for (const char* op : {"conv2d", "relu", "add", "batch_sum", "mul", "broadcast"}) kernels_.add(op, nothing);
    kernels_.add("relu_grad", nothing);
    kernels_.add_fusion("conv2d", "split",
                        {.both = nothing, .rest = nothing, .rest_name = "second_half", .library = "test"});
    kernels_.add_fusion("conv2d", "relu",
                        {.both = [this](LoweringContext& context) { return fuses ? nothing(context) : nullptr; },
                         .rest = nothing,
                         .rest_name = "relu_mask",
                         .library = "test"});
  }
  std::string description() const override { return "test"; }
  std::string fingerprint() const override { return "test"; }
  const KernelTable& kernels() const override { return kernels_; }
  bool computes(DType) const override { return true; }
  void copy_in(void*, const void*, std::size_t) override {}
  void copy_out(void*, const void*, std::size_t) override {}
  void copy(void*, const void*, std::size_t) override {}
  void fill(void*, unsigned char, std::size_t) override {}

  bool fuses = true;

 protected:
  void* do_allocate(std::size_t) override { throw OutOfMemory("test: only plans"); }
  void do_free(void*, std::size_t) noexcept override {}

 private:
  static std::unique_ptr<Kernel> nothing(LoweringContext&) {
    return make_kernel([](const Addresses&, const RunContext&) {});
  }

  KernelTable kernels_;
};

class Fusions : public testing::Test {
 protected:
  Part everything(std::vector<ValueId> outputs) {
    const StageCut cut = cut_into_stages(graph_, outputs);
    StorageTable storages;
    return Lowering(graph_, cut, storages, backend_, {}).everything(cut.stages.at(0).replayed, 4, outputs);
  }
  Names names(const std::vector<Var>& outputs) {
    std::vector<ValueId> ids;
    for (const Var& var : outputs) ids.push_back(var.id());
    Names result;
    for (const Instruction& instruction : everything(ids).instructions) result.push_back(instruction.name);
    return result;
  }

  FusingBackend backend_;
  Graph graph_;
  Var x_ = graph_.input("x", {3, 8, 8});
  Var w_ = graph_.constant(1, {5, 3, 3, 3});
  Var product_ = conv2d(x_, w_, {.padding = 1});
};

TEST_F(Fusions, OfAResultThatOneOpReads) {
  const Var y = relu(product_);
  EXPECT_EQ(names({y}), (Names{"conv2d+relu"}));
  const Part part = everything({y.id()});
  const Instruction& both = part.instructions.at(0);
  EXPECT_EQ(both.inputs.size(), 2U);
  ASSERT_EQ(both.outputs.size(), 1U);
  EXPECT_EQ(part.values.at(static_cast<std::size_t>(both.outputs[0])).value, y.id());
  EXPECT_EQ(part.live_out, both.outputs);
  EXPECT_EQ(std::count_if(part.values.begin(), part.values.end(),
                          [&](const PartValue& v) { return v.value == product_.id(); }),
            0)
      << "the convolution's own result has no place";
  EXPECT_FALSE(both.cheap);
  EXPECT_GT(both.flops, 0);
  EXPECT_TRUE(both.clone_kernel());
}

TEST_F(Fusions, WithTheOutputsThatAreReadLater) {
  const Var y = relu(product_), dx = relu_grad(mask_of(y), graph_.input("dy", {5, 8, 8}));
  EXPECT_EQ(names({y, dx}), (Names{"conv2d+relu", "relu_mask", "relu_grad"}));
  const Part part = everything({dx.id(), y.id()});
  const Instruction& mask = part.instructions.at(1);
  EXPECT_EQ(mask.inputs, part.instructions[0].outputs);
  EXPECT_TRUE(mask.cheap);
  EXPECT_TRUE(mask.clone_kernel());
  EXPECT_EQ(part.values.at(static_cast<std::size_t>(mask.outputs.at(0))).value, mask_of(y).id());
  EXPECT_EQ(names({mask_of(y)}), (Names{"conv2d+relu", "relu_mask"}));
}

// What the whole op may do in place was for its first output.
TEST_F(Fusions, TheOtherOutputsAreNotWrittenOverTheFirst) {
  const std::vector<Var> halves = graph_.add(std::make_shared<SplitOp>(), std::vector{product_});
  const Part part = everything({halves.at(1).id()});
  ASSERT_EQ(part.instructions.size(), 2U);
  const Instruction& rest = part.instructions[1];
  EXPECT_EQ(rest.name, "second_half");
  EXPECT_EQ(part.values.at(static_cast<std::size_t>(rest.outputs.at(0))).alias, -1);
}

TEST_F(Fusions, NotOfAResultThatOthersReadToo) {
  const Var y = relu(product_);
  EXPECT_EQ(names({y, product_}), (Names{"conv2d", "relu"}));
  EXPECT_EQ(names({add(y, product_)}), (Names{"conv2d", "relu", "add"}));
  EXPECT_EQ(names({product_}), (Names{"conv2d"}));
}

TEST_F(Fusions, NotWhereTheDeviceDeclines) {
  const Var y = relu(product_);
  backend_.fuses = false;
  EXPECT_EQ(names({y}), (Names{"conv2d", "relu"}));
  const Part part = everything({y.id()});
  EXPECT_EQ(part.values.size(), 5U) << "x, w, the product, y and its mask, and nothing of the attempt";
}

// The relu runs again in the second stage, from the product that the first has stored.
TEST_F(Fusions, NotOfAResultThatALaterStageReads) {
  const Var y = relu(product_);
  const Var sum = batch_sum(y);
  const std::vector<ValueId> outputs{batch_sum(mul(y, broadcast(sum))).id()};
  const StageCut cut = cut_into_stages(graph_, outputs);
  ASSERT_EQ(cut.stages.size(), 2U);
  ASSERT_EQ(cut.stages[0].stored, (std::vector<ValueId>{product_.id()}));
  StorageTable storages;
  Lowering lowering(graph_, cut, storages, backend_, {});
  lowering.prologue();
  const Part first = lowering.replayed(0, 4, 3);
  EXPECT_EQ(first.instructions.at(0).name, "conv2d");
  EXPECT_EQ(first.instructions.at(1).name, "store");
}

TEST(KernelTable, HasOneFusionForAPair) {
  KernelTable table;
  table.add_fusion("a", "b", {.both = {}, .rest = {}, .rest_name = "rest of b", .library = "l"});
  ASSERT_NE(table.fusion("a", "b"), nullptr);
  EXPECT_EQ(table.fusion("a", "b")->library, "l");
  EXPECT_EQ(table.fusion("b", "a"), nullptr);
  EXPECT_EQ(table.fusion("a", "c"), nullptr);
  EXPECT_THROW(table.add_fusion("a", "b", {}), BackendError);
}

}  // namespace
}  // namespace sluice::test
