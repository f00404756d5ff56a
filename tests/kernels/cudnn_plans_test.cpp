// Convolutions and matrix products lowered for GPUs that are not here: cuDNN finalises the plans all the same.

#include <algorithm>
#include <chrono>
#include <iostream>
#include <set>

#include <gtest/gtest.h>

#include <sluice/core/device_run.h>
#include <sluice/core/lowering.h>
#include <sluice/kernels/relu/relu.h>
#include <sluice/mbp/plan/step_graph.h>
#include <sluice/optim/sgd.h>

#include "kernels/planned_convolutions.h"
#include "models/catalog.h"

namespace sluice::test {
namespace {

TEST_F(CudnnPlans, EveryConvolutionOfTheResnets) {
  for (const char* gpu : {"h200", "t4"})
    for (const char* model : {"resnet18_cifar", "resnet18", "resnet50"}) {
      const auto backend = open_planned_cuda(shipped(gpu));
      const samples::ModelSetup setup = samples::set_up_model(model);
      const StepGraph step = make_training_graph(trace(*setup.net, setup.step, setup.data),
                                                 Sgd(SgdOptions{.lr = 0.1, .momentum = 0.9}), *backend,
                                                 /*fold=*/true, /*keep_gradients=*/false);
      const auto begin = std::chrono::steady_clock::now();
      std::map<std::string, int> count;
      std::set<std::string> engines;
      std::size_t workspace = 0;
      for (NodeId id = 0; id < step.graph->nodes(); ++id) {
        if (!step.graph->node(id).op->type().starts_with("conv2d")) continue;
        const Lowered kernel = lower(*backend, *step.graph, id, 32);
        ++count[kernel.op];
        engines.insert(kernel.algorithm);
        workspace = std::max(workspace, kernel.workspace_bytes);
        EXPECT_TRUE(kernel.algorithm.starts_with("engine ")) << kernel.algorithm;
        EXPECT_EQ(kernel.outputs.at(0), Layout::channels_last());
        EXPECT_EQ(kernel.inputs.at(0), Layout::channels_last());
        EXPECT_EQ(kernel.inputs.at(1), Layout::channels_last());
      }
      const std::chrono::duration<double> time = std::chrono::steady_clock::now() - begin;
      const int layers = std::string(model) == "resnet50" ? 53 : 20;
      EXPECT_EQ(count["conv2d"], layers);
      EXPECT_EQ(count["conv2d_grad_weight"], layers);
      EXPECT_EQ(count["conv2d_grad_input"], layers - 1);  // nobody wants the gradient by the image
      EXPECT_GT(engines.size(), 3U);
      EXPECT_GT(workspace, 0U);
      std::cout << gpu << ", " << model << ": " << 3 * layers - 1 << " convolutions, " << engines.size()
                << " configurations, largest workspace " << workspace << " bytes, planned in " << time.count()
                << " s\n";
    }
}

TEST_F(CudnnPlans, EveryKindOfConvolution) {
  const struct {
    const char* name;
    Shape x, w;
    bool bias;
    Conv2dOptions options;
  } kinds[] = {{"grey image", {1, 28, 28}, {32, 1, 3, 3}, true, {.padding = 1}},
               {"colour image", {3, 32, 32}, {64, 3, 3, 3}, false, {.padding = 1}},
               {"odd channels", {5, 9, 7}, {7, 5, 3, 3}, true, {.stride = 2, .padding = 1}},
               {"pointwise", {64, 14, 14}, {128, 64, 1, 1}, true, {}},
               {"strided pointwise", {64, 14, 14}, {128, 64, 1, 1}, false, {.stride = 2}},
               {"asymmetric", {8, 12, 20}, {16, 8, 1, 5}, false, {.stride = {1, 2}, .padding = {0, 2}}},
               {"dilated", {16, 20, 20}, {24, 16, 3, 3}, true, {.padding = 2, .dilation = 2}},
               {"grouped", {64, 28, 28}, {64, 16, 3, 3}, true, {.padding = 1, .groups = 4}},
               {"depthwise", {32, 28, 28}, {32, 1, 3, 3}, false, {.padding = 1, .groups = 32}}};
  for (const char* gpu : {"h200", "a100-80gb", "rtx4090", "rtx3060-12gb", "t4"})
    for (const Precision precision : {Precision::automatic, Precision::fp32, Precision::strict}) {
      const auto backend = open_planned_cuda(shipped(gpu));
      const DeviceRun run(*backend, precision);
      const DeviceRun::Scope scope(run);
      for (const auto& kind : kinds)
        for (const std::int64_t samples : {1, 7}) {
          SCOPED_TRACE(std::string(gpu) + ", " + kind.name);
          const auto kernels = ThreeDirections(kind.x, kind.w, kind.bias, kind.options).lower_all(*backend, samples);
          ASSERT_EQ(kernels.size(), 3U);
          // The gradient by the weights is first written beside the sum.
          EXPECT_GE(kernels[2].workspace_bytes, static_cast<std::size_t>(4 * kind.w.elements()));
        }
    }
}

/// How often each kernel occurs in a replay of 32 samples, with or without gradients.
std::map<std::string, int> kernels_of(Backend& backend, const char* model, bool training) {
  const samples::ModelSetup setup = samples::set_up_model(model);
  Trace traced = trace(*setup.net, setup.step, setup.data);
  const StepGraph step = training ? make_training_graph(std::move(traced), Sgd(SgdOptions{.lr = 0.1}), backend,
                                                        /*fold=*/true, /*keep_gradients=*/false)
                                  : make_evaluation_graph(std::move(traced), backend);
  std::vector<ValueId> outputs{step.loss.id()};
  for (const auto& [parameter, gradient] : step.gradients) outputs.push_back(gradient.id());
  const StageCut cut = cut_into_stages(*step.graph, outputs);
  StorageTable storages;
  Lowering lowering(*step.graph, cut, storages, backend, {});
  lowering.prologue();
  std::map<std::string, int> count;
  for (const Instruction& instruction : lowering.replayed(0, 32, 1).instructions) ++count[instruction.name];
  return count;
}

TEST_F(CudnnPlans, DoTheReluBehindAConvolution) {
  for (const char* gpu : {"h200", "a100-80gb", "rtx4090", "rtx3060-12gb", "t4"})
    for (const auto& [model, convolutions] : {std::pair("fashion_cnn", 2), {"vgg16", 13}})
      for (const Precision precision : {Precision::automatic, Precision::fp32}) {
        SCOPED_TRACE(std::string(gpu) + ", " + model);
        const auto backend = open_planned_cuda(shipped(gpu));
        const DeviceRun run(*backend, precision);
        const DeviceRun::Scope scope(run);
        for (const bool training : {false, true}) {
          const auto count = kernels_of(*backend, model, training);
          EXPECT_EQ(count.at("conv2d+relu"), convolutions);
          EXPECT_FALSE(count.contains("conv2d"));
          EXPECT_EQ(count.contains("relu_mask") ? count.at("relu_mask") : 0, training ? convolutions : 0);
        }
      }
}

// Behind an engine that turns out to make NaN 0 the relu is done apart, by a plan that must do with the workspace there
// is.
TEST_F(CudnnPlans, WithoutTheReluNeedNoMore) {
  for (const char* gpu : {"h200", "a100-80gb", "rtx4090", "rtx3060-12gb", "t4"}) {
    const auto backend = open_planned_cuda(shipped(gpu));
    for (const auto& [x, features] :
         {std::pair(Shape{1, 28, 28}, 32), {Shape{3, 32, 32}, 64}, {Shape{64, 56, 56}, 128}, {Shape{512, 14, 14}, 512}})
      for (const std::size_t cap : {std::size_t{0}, std::size_t{1} << 20, no_cap}) {
        SCOPED_TRACE(std::string(gpu) + ", " + x.str());
        Graph graph;
        const Var w = graph.constant(1, {features, x[0], 3, 3}), b = graph.constant(1, {features});
        relu(conv2d(graph.input("x", x), w, b, {.padding = 1}));
        const std::size_t with = lower(*backend, graph, 0, 32, cap, nullptr, graph.node(1).op.get()).workspace_bytes;
        EXPECT_LE(lower(*backend, graph, 0, 32, with).workspace_bytes, with);
      }
  }
}

// An image of 10¹³ elements, say.
TEST_F(CudnnPlans, NoneForAShapeIsTold) {
  const auto backend = open_planned_cuda(shipped("t4"));
  const ThreeDirections huge({64, 700000, 700000}, {64, 64, 3, 3}, true, {.padding = 1});
  try {
    huge.lower_all(*backend, 1);
    ADD_FAILURE() << "it was planned";
  } catch (const BackendError& error) {
    const std::string why = error.what();
    for (const char* part : {"conv2d: ", "forward x=[1,64,700000,700000] w=[64,64,3,3]", "f32", "fp32", "T4",
                             "tried heuristics A with the bias: ", "heuristics fallback: "})
      EXPECT_NE(why.find(part), std::string::npos) << part << " is not in: " << why;
  }
}

/// Takes the last candidate and remembers all.
class TakeTheLast final : public AlgorithmChooser {
 public:
  std::string_view choose(const LoweringContext&, std::span<const std::string_view> offered,
                          std::string_view) override {
    candidates.assign(offered.begin(), offered.end());
    return offered.back();
  }
  std::vector<std::string> candidates;
};

TEST_F(CudnnPlans, SeveralAreOfferedWhereTimesDecide) {
  const auto backend = open_planned_cuda(shipped("h200"));
  for (NodeId id = 0; id < 3; ++id) {
    const Lowered untuned = lower(*backend, a_convolution().graph, id, 32);
    TakeTheLast chooser;
    const Lowered last = lower(*backend, a_convolution().graph, id, 32, no_cap, &chooser);
    EXPECT_GE(chooser.candidates.size(), 8U);
    EXPECT_EQ(std::set<std::string>(chooser.candidates.begin(), chooser.candidates.end()).size(),
              chooser.candidates.size());
    EXPECT_EQ(chooser.candidates[0], untuned.algorithm) << "the heuristics' first";
    EXPECT_EQ(last.algorithm, chooser.candidates.back());

    const std::size_t all = chooser.candidates.size();
    const std::size_t part = id == 2 ? 4 * 96 * 64 * 9 : 0;
    const Lowered capped = lower(*backend, a_convolution().graph, id, 32, 1 << 10, &chooser);
    EXPECT_LT(chooser.candidates.size(), all);
    EXPECT_LE(capped.workspace_bytes, (1 << 10) + part);
  }
}

TEST_F(CudnnPlans, PrecisionDecidesTheEngine) {
  const auto backend = open_planned_cuda(shipped("h200"));
  const auto in_tf32 = a_convolution().lower_all(*backend, 32);
  const DeviceRun run(*backend, Precision::fp32);
  const DeviceRun::Scope scope(run);
  const auto in_fp32 = a_convolution().lower_all(*backend, 32);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_NE(in_tf32[i].algorithm, in_fp32[i].algorithm) << in_tf32[i].op;
    EXPECT_NE(in_tf32[i].algorithm.find(':'), std::string::npos) << "no knobs: " << in_tf32[i].algorithm;
  }
}

TEST_F(CudnnPlans, WorkspaceStaysWithinItsCapWhereItCan) {
  const auto backend = open_planned_cuda(shipped("t4"));
  for (std::size_t direction = 0; direction < 3; ++direction) {
    // Room buys speed.
    EXPECT_EQ(a_convolution().lower_all(*backend, 32)[direction].work, 1);
    EXPECT_GT(a_convolution().lower_all(*backend, 32, 0)[direction].work, 1);
    const std::size_t least = a_convolution().lower_all(*backend, 32, 0)[direction].workspace_bytes;
    const std::size_t most = a_convolution().lower_all(*backend, 32)[direction].workspace_bytes;
    EXPECT_LE(least, most);
    for (std::size_t cap = 1 << 10; cap <= std::size_t{1} << 28; cap *= 4) {
      const std::size_t part = direction == 2 ? 4 * 96 * 64 * 9 : 0;
      const std::size_t bytes = a_convolution().lower_all(*backend, 32, cap)[direction].workspace_bytes;
      EXPECT_TRUE(bytes <= cap + part || bytes == least) << bytes << " of " << cap;
      EXPECT_LE(bytes, most);
    }
  }
}

TEST_F(CudnnPlans, MatrixProductsTakeWhatCublasRecommends) {
  const ThreeDirections product({512}, {10, 512}, true);
  constexpr std::size_t kib = 1 << 10, mib = 1 << 20, alignment = 256;
  for (const auto& [gpu, recommended] : {std::pair("h200", 32 * mib), {"a100-80gb", 4 * mib}, {"t4", 4 * mib}}) {
    const auto backend = open_planned_cuda(shipped(gpu));
    for (const Lowered& kernel : product.lower_all(*backend, 64)) {
      EXPECT_EQ(kernel.workspace_bytes, recommended + alignment);
      EXPECT_EQ(kernel.inputs.at(0), Layout());
      EXPECT_EQ(kernel.outputs.at(0), Layout());
    }
    EXPECT_EQ(product.lower_all(*backend, 64, 0)[0].workspace_bytes, 16 * kib + alignment);
    EXPECT_LE(product.lower_all(*backend, 64, mib)[0].workspace_bytes, mib);
  }
}

TEST_F(CudnnPlans, TheTableSaysWhoWorks) {
  const auto backend = open_planned_cuda(shipped("t4"));
  for (const char* op : {"conv2d", "conv2d_grad_input", "conv2d_grad_weight"})
    EXPECT_EQ(backend->kernels().library(op), "cuDNN");
  for (const char* op : {"linear", "linear_grad_input", "linear_grad_weight"})
    EXPECT_EQ(backend->kernels().library(op), "cuBLAS");
}

}  // namespace
}  // namespace sluice::test
