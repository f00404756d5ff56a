// Single kernels of the CPU device, in the layouts and shapes that ResNet-18 for CIFAR gives them at a micro-batch of
// 64: GFLOP/s for convolutions, GB/s for what only passes over memory (each operand counted once).
//
//   ./dev bench --kernels --benchmark_filter=conv2d

#include <benchmark/benchmark.h>

#include <sluice/kernels/adam/adam.h>
#include <sluice/kernels/batch_norm/batch_norm_ops.h>
#include <sluice/kernels/conv2d/conv2d.h>
#include <sluice/kernels/cross_entropy/cross_entropy.h>
#include <sluice/kernels/max_pool2d/max_pool2d_ops.h>
#include <sluice/kernels/reorder/reorder.h>
#include <sluice/kernels/sgd/sgd.h>
#include <sluice/mbp/plan/pack_lifetimes.h>

#include "common/checked_main.h"
#include "common/spin_briefly.h"
#include "support/kernel_run.h"
#include "support/planned_net.h"

namespace {

using namespace sluice;
using sluice::bench::KernelRun;

constexpr std::int64_t samples = 64;

void report_flops(benchmark::State& state, KernelRun& kernel) {
  for (auto _ : state) kernel.run();
  state.SetLabel(kernel.algorithm());
  state.counters["GFLOP"] = benchmark::Counter(1e-9 * kernel.flops(), benchmark::Counter::kIsIterationInvariantRate);
}

void report_bytes(benchmark::State& state, KernelRun& kernel) {
  for (auto _ : state) kernel.run();
  state.counters["GB"] = benchmark::Counter(1e-9 * kernel.bytes(), benchmark::Counter::kIsIterationInvariantRate);
}

Var parameter(Graph& graph, const Shape& shape) { return graph.parameter(Parameter(Tensor(shape))); }

// ---- convolution ----------------------------------------------------------------------------------------------------

enum class Direction : std::uint8_t { forward, grad_input, grad_weight };

/// Arguments: channels in, channels out, extent, kernel, stride.
void conv2d_kernel(benchmark::State& state, Direction direction) {
  const std::int64_t in = state.range(0), out = state.range(1), extent = state.range(2), kernel = state.range(3);
  const Conv2dOptions options{.stride = state.range(4), .padding = kernel / 2};
  Graph graph;
  const Var x = graph.input("x", {in, extent, extent}), w = parameter(graph, {out, in, kernel, kernel});
  const Var y = conv2d(x, w, options);
  KernelRun forward(graph, graph.nodes() - 1, samples);
  if (direction == Direction::forward) return report_flops(state, forward);

  // The gradients find weights and activations as the forward kernel left them.
  const Layout w_layout = forward.input_layout(1);
  const Var dy = graph.input("dy", y.shape());
  if (direction == Direction::grad_input) {
    conv2d_grad_input(dy, w, x.shape(), options);
    KernelRun backward(graph, graph.nodes() - 1, samples, {{0, forward.output_layout(0)}, {1, w_layout}});
    return report_flops(state, backward);
  }
  conv2d_grad_weight(x, dy, Size2d(kernel), options);
  KernelRun backward(graph, graph.nodes() - 1, samples, {{0, forward.input_layout(0)}, {1, forward.output_layout(0)}},
                     &w_layout);
  report_flops(state, backward);
}

void resnet_shapes(benchmark::internal::Benchmark* b) {
  b->ArgNames({"in", "out", "extent", "kernel", "stride"})->UseRealTime()->Unit(benchmark::kMillisecond);
  b->Args({3, 64, 32, 3, 1})->Args({64, 64, 32, 3, 1});
  for (const std::int64_t out : {128, 256, 512}) {
    const std::int64_t in = out / 2, extent = 2048 / in;
    b->Args({in, out, extent, 3, 2})->Args({in, out, extent, 1, 2})->Args({out, out, extent / 2, 3, 1});
  }
}
BENCHMARK_CAPTURE(conv2d_kernel, forward, Direction::forward)->Apply(resnet_shapes);
BENCHMARK_CAPTURE(conv2d_kernel, grad_input, Direction::grad_input)->Apply(resnet_shapes);
BENCHMARK_CAPTURE(conv2d_kernel, grad_weight, Direction::grad_weight)->Apply(resnet_shapes);

// ---- passes over memory ---------------------------------------------------------------------------------------------

/// Where activations of `channels` channels lie between convolutions.
Layout activation_layout(std::int64_t channels, std::int64_t extent) {
  Graph graph;
  conv2d(graph.input("x", {channels, extent, extent}), parameter(graph, {channels, channels, 3, 3}), {.padding = 1});
  return KernelRun(graph, graph.nodes() - 1, samples).output_layout(0);
}

enum class Pass : std::uint8_t { moments, forward, grad_sums, grad_input };

/// Arguments: channels, extent, whether the relu is part of it.
void batch_norm_kernel(benchmark::State& state, Pass pass) {
  const std::int64_t channels = state.range(0), extent = state.range(1);
  const BatchNormTraits traits{.relu = state.range(2) != 0};
  const Layout layout = activation_layout(channels, extent);
  Graph graph;
  const Shape shape{channels, extent, extent};
  const Var x = graph.input("x", shape), dy = graph.input("dy", shape);
  const Var scale = parameter(graph, {channels}), shift = parameter(graph, {channels});
  const Var moments = graph.add1(std::make_shared<BatchMomentsOp>(), {x});
  std::map<int, Layout> layouts = {{0, layout}};
  if (pass == Pass::forward) {
    graph.add1(std::make_shared<BatchNormOp>(traits, false), {x, moments, scale, shift});
  } else if (pass != Pass::moments) {
    layouts[1] = layout;
    const Var sums = graph.add1(std::make_shared<BatchNormGradSumsOp>(traits), {dy, x, moments, scale, shift});
    if (pass == Pass::grad_input)
      graph.add1(std::make_shared<BatchNormGradInputOp>(traits), {dy, x, moments, scale, shift, sums});
  }
  KernelRun kernel(graph, graph.nodes() - 1, samples, layouts);
  report_bytes(state, kernel);
}

void batch_norm_shapes(benchmark::internal::Benchmark* b) {
  b->ArgNames({"channels", "extent", "relu"})->UseRealTime()->Unit(benchmark::kMicrosecond);
  b->ArgsProduct({{64}, {32}, {0, 1}})->ArgsProduct({{512}, {4}, {0, 1}});
}
BENCHMARK_CAPTURE(batch_norm_kernel, moments, Pass::moments)
    ->ArgNames({"channels", "extent", "relu"})
    ->Args({64, 32, 0})
    ->Args({512, 4, 0})
    ->UseRealTime()
    ->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(batch_norm_kernel, forward, Pass::forward)->Apply(batch_norm_shapes);
BENCHMARK_CAPTURE(batch_norm_kernel, grad_sums, Pass::grad_sums)->Apply(batch_norm_shapes);
BENCHMARK_CAPTURE(batch_norm_kernel, grad_input, Pass::grad_input)->Apply(batch_norm_shapes);

void max_pool2d_kernel(benchmark::State& state, bool backward) {
  constexpr std::int64_t channels = 64, extent = 32;
  const Layout layout = activation_layout(channels, extent);
  const MaxPool2dOptions options{.kernel = 2};
  Graph graph;
  const Var x = graph.input("x", {channels, extent, extent});
  const auto outputs = graph.add(std::make_shared<MaxPool2dOp>(options), std::vector{x});
  KernelRun forward(graph, graph.nodes() - 1, samples, {{0, layout}});
  if (!backward) return report_bytes(state, forward);
  const Var dy = graph.input("dy", outputs[0].shape());
  graph.add1(std::make_shared<MaxPool2dGradOp>(options, x.shape()), {dy, outputs[1]});
  KernelRun gradient(graph, graph.nodes() - 1, samples, {{0, forward.output_layout(0)}, {1, forward.output_layout(1)}});
  report_bytes(state, gradient);
}
BENCHMARK_CAPTURE(max_pool2d_kernel, forward, false)->UseRealTime()->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(max_pool2d_kernel, grad, true)->UseRealTime()->Unit(benchmark::kMicrosecond);

void cross_entropy_kernel(benchmark::State& state, bool backward) {
  Graph graph;
  const Var logits = graph.input("logits", {state.range(0)}), labels = graph.input("labels", {}, DType::i32);
  if (backward)
    cross_entropy_grad(logits, labels, graph.input("dloss", {}));
  else
    cross_entropy_loss(logits, labels);
  KernelRun kernel(graph, graph.nodes() - 1, samples);
  report_bytes(state, kernel);
}
BENCHMARK_CAPTURE(cross_entropy_kernel, loss, false)->ArgName("classes")->Arg(10)->Arg(1000)->UseRealTime();
BENCHMARK_CAPTURE(cross_entropy_kernel, grad, true)->ArgName("classes")->Arg(10)->Arg(1000)->UseRealTime();

/// One update of as many parameters as ResNet-18 has.
void update_kernel(benchmark::State& state, bool adam) {
  constexpr std::int64_t parameters = 11'173'962;
  Graph graph;
  const Var p = parameter(graph, {parameters}), g = parameter(graph, {parameters});
  const Var m = parameter(graph, {parameters}), v = parameter(graph, {parameters});
  const auto list = [](const Var& var) { return std::span<const Var>(&var, 1); };
  if (adam)
    adam_update(list(p), list(g), list(m), list(v),
                {.step_size = graph.scalar("step_size"),
                 .root_bias2 = graph.scalar("root_bias2"),
                 .keep = graph.scalar("keep"),
                 .lose = graph.scalar("lose")});
  else
    sgd_update(list(p), list(g), list(v), graph.scalar("lr"), {.momentum = 0.9, .weight_decay = 5e-4});
  KernelRun kernel(graph, graph.nodes() - 1, 1);
  report_bytes(state, kernel);
}
BENCHMARK_CAPTURE(update_kernel, sgd, false)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(update_kernel, adam, true)->UseRealTime()->Unit(benchmark::kMillisecond);

/// From the order of the data set to the one convolutions work in.
void reorder_kernel(benchmark::State& state) {
  constexpr std::int64_t channels = 64, extent = 32;
  const Layout layout = activation_layout(channels, extent);
  Graph graph;
  graph.add1(std::make_shared<ReorderOp>(), {graph.input("x", {channels, extent, extent})});
  KernelRun kernel(graph, graph.nodes() - 1, samples, {}, &layout);
  report_bytes(state, kernel);
}
BENCHMARK(reorder_kernel)->UseRealTime()->Unit(benchmark::kMicrosecond);

// ---- planning -------------------------------------------------------------------------------------------------------

/// Places for everything that a replay of ResNet-18 holds.
void packing(benchmark::State& state) {
  const bench::PlannedNet planned(bench::net("resnet18_cifar"), samples);
  const std::vector<Lifetime>& lifetimes = planned.plan().train.replayed.at(samples)[0].lifetimes;
  for (auto _ : state) benchmark::DoNotOptimize(pack(lifetimes));
  state.counters["lifetimes"] = static_cast<double>(lifetimes.size());
}
BENCHMARK(packing)->Unit(benchmark::kMillisecond);

}  // namespace

int main(int argc, char** argv) {
  sluice::samples::spin_briefly(argv);
  return sluice::samples::checked_main("bench_kernels", [&] {
    benchmark::Initialize(&argc, argv);
    if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
    benchmark::RunSpecifiedBenchmarks();
    benchmark::Shutdown();
    return 0;
  });
}
