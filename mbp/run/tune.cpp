#include <sluice/mbp/run/tune.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <optional>
#include <vector>

#include <sluice/core/error.h>
#include <sluice/core/host_memory.h>
#include <sluice/core/tensor.h>
#include <sluice/mbp/plan/replay_key.h>
#include <sluice/mbp/run/replay_times.h>

namespace sluice {
namespace {

/// Always the one algorithm that is being timed.
class OneAlgorithm final : public AlgorithmChooser {
 public:
  explicit OneAlgorithm(std::string_view name) : name_(name) {}
  std::string_view choose(const LoweringContext&, std::span<const std::string_view>, std::string_view) override {
    return name_;
  }

 private:
  std::string_view name_;
};

/// Memory for one operand, filled with small numbers of both signs: zeros or denormals would flatter some kernels.
Buffer operand(Backend& backend, const LoweredValue& value) {
  Buffer buffer = backend.allocate(std::max<std::size_t>(value.bytes(), 1));
  backend.fill(buffer.data(), 0, buffer.bytes());
  if (value.dtype == DType::f32) {
    Tensor pattern({value.padded_elements()});
    std::uint32_t state = 1;
    for (float& x : pattern.values<float>()) {
      state = state * 1664525u + 1013904223u;
      x = static_cast<float>(state >> 8) / static_cast<float>(1 << 24) - 0.5f;
    }
    backend.copy_in(buffer.data(), pattern.data(), pattern.bytes());
  }
  return buffer;
}

/// Milliseconds of one run of a kernel with `algorithm`: the median of at least five runs and 50 ms.
double time_ms(const ChoiceRecorder::Choice& choice, const std::string& algorithm) {
  OneAlgorithm one(algorithm);
  LoweringContext context = choice.context.with_chooser(&one);
  Backend& backend = context.backend();
  const std::unique_ptr<Kernel> kernel = (*context.factory())(context);
  std::vector<Buffer> buffers;
  Addresses addresses;
  for (int i = 0; i < context.inputs(); ++i)
    addresses.inputs.push_back(buffers.emplace_back(operand(backend, context.input(i))).data());
  for (int o = 0; o < context.outputs(); ++o)
    addresses.outputs.push_back(buffers.emplace_back(operand(backend, context.output(o))).data());
  addresses.workspace =
      buffers.emplace_back(backend.allocate(std::max<std::size_t>(kernel->workspace_bytes(), 1))).data();
  kernel->bind(addresses);

  using Clock = std::chrono::steady_clock;
  const auto run_ms = [&] {
    const auto start = Clock::now();
    kernel->run({});
    backend.synchronize();
    return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
  };
  run_ms();  // touches its memory
  std::vector<double> times;
  for (double total = 0; times.size() < 5 || (total < 50 && times.size() < 100);) total += times.emplace_back(run_ms());
  std::nth_element(times.begin(), times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2), times.end());
  return times[times.size() / 2];
}

/// Empty: the algorithm failed, and stderr says how.
std::optional<double> time_or_failure(const std::string& kernel, const ChoiceRecorder::Choice& choice,
                                      const std::string& algorithm) {
  try {
    return time_ms(choice, algorithm);
  } catch (const OutOfHostMemory&) {
    throw;  // it says nothing about the algorithm, which the file would call failed from then on
  } catch (const Error& error) {
    std::fprintf(stderr, "sluice: warning: tuning leaves out '%s' of %s: %s\n", algorithm.c_str(), kernel.c_str(),
                 error.what());
    choice.context.backend().synchronize();  // a device that is broken for good says so here
    return std::nullopt;
  }
}

}  // namespace

bool measure_kernels(TuningFile& file, const ChoiceRecorder& recorder) {
  bool measured = false;
  for (const auto& [kernel, choice] : recorder.choices())
    for (const std::string& algorithm : choice.candidates) {
      if (file.knows(kernel, algorithm)) continue;
      file.add_time(kernel, algorithm, time_or_failure(kernel, choice, algorithm));
      measured = true;
    }
  if (measured || !file.exists()) file.save();
  return measured;
}

bool tune(StepPlanner& planner, const RunPlan& plan) {
  return planner.with_settings([&] {
    TuningFile& file = planner.tuning_file();
    bool measured = measure_kernels(file, planner.choices_of(plan));
    planner.algorithms_changed();
    // Algorithms first: the replays are those that will run.
    std::vector<ChoiceRecorder> choices;
    planner.for_each_candidate([&](RunPlan& candidate) { choices.push_back(planner.choices_of(candidate)); });
    for (const ChoiceRecorder& recorder : choices) measured |= measure_kernels(file, recorder);
    planner.algorithms_changed();
    planner.for_each_candidate([&](RunPlan& candidate) {
      const std::string key = replay_key(candidate);
      if (file.replay_ms(key)) return;
      const double ms = time_replay_ms(candidate, planner.backend(), planner.options().record);
      file.add_replay(key, candidate.summary.micro_batch, ms);
      measured = true;
    });
    return measured;
  });
}

}  // namespace sluice
