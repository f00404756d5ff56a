// Adds to an installed Sluice an op (leaky_relu.cpp), a loss and a data set (stripes.h), and trains with them under a
// byte budget. Exit code 0 when the loss fell, the op's gradient is right, it is fused with a sum before it, and the
// memory taken was the memory planned.

#include <cmath>
#include <iostream>

#include "leaky_relu.h"
#include "stripes.h"

#include <sluice/core/fuse.h>
#include <sluice/sluice.h>

using namespace sluice;

namespace {

/// Σ_n mean_i (y[n,i] − target[n,i])² / n over the logical batch. y, target: equal shapes. Batch scalar.
Var mean_squared_error(Var y, Var target) {
  const Var error = sub(y, target);
  return div(batch_sum(mean_per_sample(mul(error, error))), y.graph().sample_count());
}

/// The op's gradient beside a central difference, at a few points away from the kink.
bool gradient_is_right() {
  constexpr float step = 0.01f;
  Graph graph;
  const Var x = graph.input("x", {});
  const Var y = batch_sum(mul(x, consumer::leaky_relu(x)));
  const Var dx = differentiate(y, std::vector{x})[0];
  for (const float at : {-2.0f, -0.5f, 0.25f, 3.0f}) {
    const auto value = [&](Var var, float number) {
      return evaluate(var, {{"x", Tensor::of<float>({1}, {number})}}).values<float>()[0];
    };
    const float difference = (value(y, at + step) - value(y, at - step)) / (2 * step);
    if (!(std::abs(value(dx, at) - difference) < 1e-2f)) {
      std::cerr << "leaky_relu: gradient at " << at << " is " << value(dx, at) << ", expected " << difference << '\n';
      return false;
    }
  }
  return true;
}

/// A sum and the op behind it are one kernel, also where gradients are computed, and the numbers are right.
bool pair_is_fused() {
  Graph graph;
  const Var a = graph.input("a", {2}), b = graph.input("b", {2});
  const Var y = consumer::leaky_relu(add(a, b));
  const Var da = differentiate(batch_sum(sum_per_sample(mul(y, a))), std::vector{a})[0];
  const FusedGraph fused = fuse(graph, std::vector{y.id(), da.id()}, &Device::cpu().backend());
  int sums = 0, pairs = 0;
  for (NodeId n = 0; n < fused.graph->nodes(); ++n) {
    sums += fused.graph->node(n).op->type() == "add";
    pairs += fused.graph->node(n).op->type() == "consumer.add_leaky_relu";
  }
  const std::vector<Tensor> values = evaluate(
      std::vector{y, da}, {{"a", Tensor::of<float>({1, 2}, {1, -2})}, {"b", Tensor::of<float>({1, 2}, {2, 1})}});
  // y = f(a + b), da = y + a · f'(a + b); f is x or x / 10. The only sum that is left is that of two gradients.
  const auto y_values = values[0].values<float>(), da_values = values[1].values<float>();
  const bool right = y_values[0] == 3 && std::abs(y_values[1] + 0.1f) < 1e-6f && da_values[0] == 4 &&
                     std::abs(da_values[1] + 0.3f) < 1e-6f;
  if (pairs != 1 || sums != 1 || !right) std::cerr << "add, leaky_relu: " << pairs << " fused, " << sums << " sums\n";
  return pairs == 1 && sums == 1 && right;
}

}  // namespace

int main() try {
  consumer::register_leaky_relu();
  if (!gradient_is_right() || !pair_is_fused()) return 1;

  const consumer::Stripes data(2000);
  Sequential net(Conv2d({.in = 1, .out = 8, .kernel = 3, .padding = 1}), consumer::LeakyRelu(), MaxPool2d(2),  //
                 Flatten(), Linear({.in = 8 * 8 * 8, .out = 4}));
  Adam adam({.lr = 0.01});
  const auto step = [&](const Batch& batch) { return mean_squared_error(net(batch["image"]), batch["direction"]); };
  Trainer trainer(net, adam, step, data.spec(),
                  {.batch = 500, .budget = 1_MiB, .device = Device::cpu(), .verify_memory = true});
  std::cout << trainer.plan();

  const double before = trainer.evaluate(data).loss;
  for (int epoch = 0; epoch < 6; ++epoch) trainer.run_epoch(data);
  const double after = trainer.evaluate(data).loss;
  const MemoryReport memory = trainer.memory_report();
  std::cout << "loss " << before << " -> " << after << ", measured peak " << memory.measured_peak_bytes << " of "
            << memory.budget_bytes << " bytes\n";

  const bool learned = after < 0.5 * before;
  const bool split = trainer.plan().micro_batch < trainer.plan().batch;
  const bool as_planned = memory.verified && memory.measured_peak_bytes == memory.planned_peak_bytes &&
                          memory.measured_peak_bytes <= memory.budget_bytes;
  if (!learned) std::cerr << "the loss did not halve\n";
  if (!split) std::cerr << "one micro-batch was enough: the budget is no budget\n";
  if (!as_planned) std::cerr << "the memory taken is not the memory planned\n";
  return learned && split && as_planned ? 0 : 1;
} catch (const Error& error) {
  std::cerr << "consumer: " << error.what() << '\n';
  return 1;
}
