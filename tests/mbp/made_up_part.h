#pragma once

#include <algorithm>
#include <initializer_list>
#include <memory>
#include <numeric>
#include <random>
#include <vector>

#include <sluice/mbp/plan/part_model.h>

namespace sluice::test {

class NoKernel final : public Kernel {
 public:
  void run(const RunContext&) override {}
};

/// Builds parts whose kernels do nothing: for what only looks at lifetimes.
class PartBuilder {
 public:
  /// A value in the arena, of `kib` KiB.
  int value(std::int64_t kib) {
    part.values.push_back(
        {.name = "v" + std::to_string(part.values.size()), .layer = "", .dims = Shape{kib * 256}, .layout = {}});
    return static_cast<int>(part.values.size()) - 1;
  }
  /// A step; it may be repeated unless it has no outputs.
  int step(std::vector<int> inputs, std::vector<int> outputs, double flops = 1e6, std::size_t workspace_kib = 0) {
    Instruction instruction{.name = "step",
                            .layer = "",
                            .kernel = std::make_shared<NoKernel>(),
                            .inputs = std::move(inputs),
                            .outputs = std::move(outputs),
                            .mutated = {}};
    instruction.flops = flops;
    instruction.workspace_bytes = workspace_kib * 1024;
    if (!instruction.outputs.empty()) instruction.clone_kernel = [] { return std::make_unique<NoKernel>(); };
    part.instructions.push_back(std::move(instruction));
    return static_cast<int>(part.instructions.size()) - 1;
  }
  Part finish() {
    set_lifetimes(part);
    return part;
  }

  Part part;
};

/// A chain of `layers` values of `kib` KiB, each made of the one before, and a way back that reads them in reverse.
inline Part chain(int layers, std::int64_t kib) {
  PartBuilder b;
  std::vector<int> x{b.value(kib)};
  b.step({}, {x[0]});
  for (int i = 1; i < layers; ++i) {
    x.push_back(b.value(kib));
    b.step({x[static_cast<std::size_t>(i) - 1]}, {x.back()});
  }
  int gradient = b.value(kib);
  b.step({x.back()}, {gradient});
  for (int i = layers - 2; i >= 0; --i) {
    const int next = b.value(kib);
    b.step({gradient, x[static_cast<std::size_t>(i)]}, {next});
    gradient = next;
  }
  b.step({gradient}, {});
  return b.finish();
}

/// Any part: every step reads a few of the values before it.
inline Part random_part(std::mt19937& engine) {
  PartBuilder b;
  std::vector<int> made;
  const int steps = 4 + static_cast<int>(engine() % 20);
  for (int i = 0; i < steps; ++i) {
    std::vector<int> inputs, outputs;
    for (int j = 0; j < 3 && !made.empty(); ++j) {
      const int v = made[engine() % made.size()];
      if (std::find(inputs.begin(), inputs.end(), v) == inputs.end()) inputs.push_back(v);
    }
    for (auto j = engine() % 3; j-- > 0;) outputs.push_back(b.value(1 + static_cast<std::int64_t>(engine() % 9)));
    const int step = b.step(inputs, outputs, 1e5 * static_cast<double>(1 + engine() % 100), engine() % 4);
    std::vector<int>& in_place = b.part.instructions[static_cast<std::size_t>(step)].in_place;
    for (int input = static_cast<int>(inputs.size()); input-- > 0;)
      if (engine() % 2) in_place.push_back(input);
    made.insert(made.end(), outputs.begin(), outputs.end());
  }
  if (!made.empty()) b.part.live_out = {made.back()};
  return b.finish();
}

inline std::vector<int> as_they_are(const Part& part) {
  std::vector<int> sequence(part.instructions.size());
  std::iota(sequence.begin(), sequence.end(), 0);
  return sequence;
}

/// What is alive during each step, from the lifetimes of the part itself.
inline std::vector<std::size_t> live_by_lifetimes(const Part& part) {
  std::vector<std::size_t> live(part.instructions.size() + 1, 0);
  for (const Lifetime& l : arena_lifetimes(part))
    for (int t = l.first; t <= l.last; ++t) live[static_cast<std::size_t>(t)] += l.bytes;
  return live;
}

}  // namespace sluice::test
