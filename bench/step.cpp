// One training step of the Fashion CNN on synthetic images, by micro-batch: images/s (items_per_second), planned peak,
// arena ÷ bound.
//
//   ./dev bench --kernels --benchmark_filter=train_step --benchmark_min_time=2

#include <benchmark/benchmark.h>

#include <sluice/sluice.h>

#include "models/fashion_cnn.h"

namespace {

using namespace sluice;

constexpr std::int64_t batch = 1024;

TensorDataset images() {
  Tensor pixels({batch, 1, 28, 28}, DType::u8), labels({batch}, DType::i32);
  std::uint32_t state = 1;  // any numbers will do
  for (std::uint8_t& pixel : pixels.values<std::uint8_t>())
    pixel = static_cast<std::uint8_t>((state = state * 1664525 + 1013904223) >> 24);
  for (std::int32_t& label : labels.values<std::int32_t>())
    label = static_cast<std::int32_t>((state = state * 1664525 + 1013904223) >> 24) % 10;
  return TensorDataset("synthetic", {{"image", pixels, {0.5f}, {0.25f}}, {"label", labels}});
}

void train_step(benchmark::State& state) {
  samples::FashionCnn net;
  Sgd sgd({.lr = 1e-3});
  const TensorDataset data = images();
  Trainer trainer(net, sgd, [&](const Batch& b) { return cross_entropy(net(b["image"]), b["label"]); }, data.spec(),
                  {.batch = batch, .micro_batch = state.range(0), .device = Device::cpu()});
  trainer.step(data);
  for (auto _ : state) trainer.step(data);
  state.SetItemsProcessed(state.iterations() * batch);
  const Plan& plan = trainer.plan();
  state.counters["planned_MiB"] = static_cast<double>(plan.planned_peak_bytes()) / (1 << 20);
  state.counters["arena_over_bound"] =
      static_cast<double>(plan.arena_bytes) / static_cast<double>(plan.arena_lower_bound_bytes);
}
BENCHMARK(train_step)->RangeMultiplier(4)->Range(16, batch)->UseRealTime()->Unit(benchmark::kMillisecond);

}  // namespace
