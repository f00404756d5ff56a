#include <sluice/mbp/run/replay_times.h>

#include <algorithm>
#include <chrono>
#include <vector>

#include <sluice/core/tensor.h>
#include <sluice/core/transfer.h>
#include <sluice/mbp/run/pass_walk.h>
#include <sluice/mbp/run/recordings.h>
#include <sluice/mbp/run/slab.h>

namespace sluice {
namespace {

using Clock = std::chrono::steady_clock;

const std::vector<PackedPart>& largest_replay(const RunPlan& plan) { return plan.train.replayed.rbegin()->second; }

/// One replay after the other, in a slab of its own.
class Replays final : public PassVisitor {
 public:
  Replays(RunPlan& plan, Backend& backend, bool record)
      : plan_(plan),
        backend_(backend),
        slab_(plan, backend, 0, 0),
        recordings_(backend, record) {
    const int counters = plan.storages.find({.kind = StorageKind::counters});
    if (counters >= 0) context_.counters = reinterpret_cast<RunCounters*>(slab_.storage(counters));
    for (int id = 0; id < plan.storages.size(); ++id) {
      const Storage& storage = plan.storages[id];
      if (storage.leaf && storage.leaf->kind == LeafKind::input) make_up(id);
      if (storage.leaf && storage.leaf->kind == LeafKind::scalar)
        slab_.write_scalar(id, storage.leaf->name == sample_count_name ? static_cast<double>(plan.summary.batch) : 0);
    }
  }

  /// A step of one micro-batch without its update, so that whatever a stage needs of those before it is there.
  void run_step() {
    const std::int64_t samples = plan_.train.replayed.rbegin()->first;
    walk_pass(plan_.train, MicroBatches(samples, samples), *this);
  }

  double replay_ms() {
    const auto start = Clock::now();
    for (const PackedPart& part : largest_replay(plan_)) run_replay(0, 0, part);
    backend_.synchronize();
    return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
  }

 private:
  void run_once(const PackedPart& part) override { recordings_.run(part, context_); }
  void begin_stage(int stage) override {
    for (const int storage : plan_.train.accumulators[static_cast<std::size_t>(stage)]) slab_.clear(storage);
  }
  /// The counters start again, so that a stage never writes behind the slots of the first micro-batch.
  bool run_replay(int, std::int64_t, const PackedPart& part) override {
    if (context_.counters) backend_.set_counters(context_.counters, context_);
    recordings_.run(part, context_);
    return true;
  }

  /// Numbers of both signs for f32, all bytes for u8; zeros for whole numbers, which every range of labels has.
  void make_up(int id) {
    const DType dtype = plan_.storages[id].dtype;
    if (dtype == DType::i32) return slab_.clear(id);
    Tensor values(plan_.storages[id].dims, dtype == DType::u8 ? DType::u8 : DType::f32);
    std::uint32_t state = 1;
    const auto next = [&state] { return (state = state * 1664525u + 1013904223u) >> 8; };
    if (dtype == DType::u8)
      for (std::uint8_t& x : values.values<std::uint8_t>()) x = static_cast<std::uint8_t>(next() >> 16);
    else
      for (float& x : values.values<float>()) x = static_cast<float>(next()) / static_cast<float>(1 << 24) - 0.5f;
    slab_.write(id, values);
  }

  RunPlan& plan_;
  Backend& backend_;
  Slab slab_;
  Recordings recordings_;
  RunContext context_{};
};

}  // namespace

double time_replay_ms(RunPlan& plan, Backend& backend, bool record) {
  Replays replays(plan, backend, record);
  replays.run_step();
  replays.replay_ms();  // where the device records kernels it does so the second time
  constexpr std::size_t least = 5, most = 50;
  constexpr double enough_ms = 200;
  std::vector<double> times;
  for (double total = 0; times.size() < least || (total < enough_ms && times.size() < most);)
    total += times.emplace_back(replays.replay_ms());
  const auto median = times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2);
  std::nth_element(times.begin(), median, times.end());
  return *median;
}

}  // namespace sluice
