// Whose memory results take that may be written over one of several inputs.

#include <algorithm>

#include <gtest/gtest.h>

#include <sluice/core/device.h>
#include <sluice/core/differentiate.h>
#include <sluice/core/evaluate.h>
#include <sluice/core/lowering.h>
#include <sluice/core/structural.h>
#include <sluice/kernels/arithmetic/arithmetic.h>
#include <sluice/kernels/batch_norm/batch_norm.h>
#include <sluice/kernels/conv2d/conv2d.h>
#include <sluice/kernels/reduce/reduce.h>
#include <sluice/kernels/relu/relu.h>

#include "support/tensors.h"

namespace sluice::test {
namespace {

std::size_t at(int i) { return static_cast<std::size_t>(i); }

/// Bytes of the arena that are alive during instruction `i`.
std::size_t live_bytes(const Part& part, int i) {
  std::size_t bytes = 0;
  for (const Lifetime& l : arena_lifetimes(part))
    if (l.first <= i && i <= l.last) bytes += l.bytes;
  return bytes;
}

// In a residual block the gradient that the normalisation gets also goes past it, so it is read later; x is not.
TEST(InPlaceResults, GradientOfNormalizationTakesTheMemoryOfX) {
  Graph graph;
  const std::vector<Parameter> parameters{Parameter(Tensor({16, 3, 3, 3})), Parameter(Tensor({16, 16, 3, 3})),
                                          Parameter(Tensor({16})), Parameter(Tensor({16}))};
  std::vector<Var> p;
  for (const Parameter& parameter : parameters) p.push_back(graph.parameter(parameter));
  const Var h = conv2d(graph.input("x", {3, 8, 8}), p[0], {.padding = 1});
  const Var y = relu(add(batch_norm(conv2d(h, p[1], {.padding = 1}), p[2], p[3]), h));
  std::vector<ValueId> outputs;
  for (const Var& gradient : differentiate(batch_sum(sum_per_sample(mul(y, y))), p)) outputs.push_back(gradient.id());
  const StageCut cut = cut_into_stages(graph, outputs);
  StorageTable storages;
  Lowering lowering(graph, cut, storages, Device::cpu().backend(), {});
  lowering.prologue();
  Part part = lowering.replayed(0, 4, 1);
  const auto found = std::find_if(part.instructions.begin(), part.instructions.end(),
                                  [](const Instruction& i) { return i.name == "batch_norm_grad_input"; });
  ASSERT_NE(found, part.instructions.end());
  const int i = static_cast<int>(found - part.instructions.begin()), dy = found->inputs[0], x = found->inputs[1];
  ASSERT_GT(part.values[at(part.root(dy))].last, i);
  EXPECT_EQ(part.root(found->outputs[0]), part.root(x));
  const std::size_t live = live_bytes(part, i);
  found->in_place = {0};
  set_lifetimes(part);
  EXPECT_EQ(part.root(found->outputs[0]), found->outputs[0]);
  EXPECT_EQ(live_bytes(part, i), live + aligned(part.values[at(x)].bytes()));
}

TEST(InPlaceResults, BatchValueTakesTheStorageOfTheInputThatNobodyElseReads) {
  Graph graph;
  const Var a = batch_sum(graph.input("a", {5})), b = batch_sum(graph.input("b", {5})), y = sub(a, b);
  const std::vector<Var> outputs{a, y};
  const StageCut cut = cut_into_stages(graph, std::vector{a.id(), y.id()});
  StorageTable storages;
  const Lowering lowering(graph, cut, storages, Device::cpu().backend(), {});
  EXPECT_EQ(lowering.storage_of(b.id()), lowering.storage_of(y.id()));
  EXPECT_NE(lowering.storage_of(a.id()), lowering.storage_of(y.id()));
  const Tensor ones = Tensor::of<float>({2, 5}, std::vector<float>(10, 1)),
               threes = Tensor::of<float>({2, 5}, std::vector<float>(10, 3));
  const std::vector<Tensor> got = evaluate(outputs, {{"a", ones}, {"b", threes}});
  EXPECT_EQ(doubles(got[0]), std::vector<double>(5, 2));
  EXPECT_EQ(doubles(got[1]), std::vector<double>(5, -4));
}

}  // namespace
}  // namespace sluice::test
