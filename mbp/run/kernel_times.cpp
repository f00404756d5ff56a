#include <sluice/mbp/run/kernel_times.h>

#include <algorithm>

#include <sluice/core/device.h>
#include <sluice/mbp/plan/run_plan.h>

namespace sluice {
namespace {

/// The most slices that a training step can have, and the most loads.
struct Room {
  std::size_t slices = 1, loads = 1;

  explicit Room(const RunPlan& plan) {
    const auto replays = static_cast<std::size_t>(plan.summary.replays);
    std::map<int, std::size_t> longest;  // by stage: of the parts for different micro-batch sizes
    for (const PartPlace& place : parts_in_order(plan)) {
      if (place.program != &plan.train) continue;
      const std::size_t kernels = place.part->part.instructions.size();
      if (place.kind == PartKind::replayed)
        longest[place.stage] = std::max(longest[place.stage], kernels);
      else
        slices += kernels + 1;
    }
    for (const auto& [stage, kernels] : longest) {
      slices += replays * (kernels + 3);  // the part, its inputs, and waiting for them
      loads += replays;
    }
  }
};

}  // namespace

TimesRecorder::TimesRecorder(const RunPlan& plan, Backend& backend, std::int64_t steps)
    : backend_(backend),
      loads_(static_cast<std::size_t>(steps) * Room(plan).loads),
      wanted_(steps) {
  slices_.reserve(static_cast<std::size_t>(steps) * Room(plan).slices);
  int number = 0;
  for (const PartPlace& place : parts_in_order(plan)) numbers_[place.part] = number++;
}

void TimesRecorder::begin_step(std::int64_t step) {
  before_step_ = slices_.size();
  step_ = step;
  on_ = true;
  mark();
  step_begin_ = marked_;
}

void TimesRecorder::end_step(std::size_t asked_bytes) {
  push({SliceKind::step, nullptr, -1, step_, 0, step_begin_, Clock::now()});
  asked_bytes_ = asked_bytes;
  on_ = false;
  ++steps_;
}

void TimesRecorder::drop_step() {
  if (on_) slices_.resize(before_step_);
  on_ = false;
}

void TimesRecorder::add(SliceKind kind, const RunContext& context) {
  backend_.synchronize();
  const Clock::time_point now = Clock::now();
  push({kind, nullptr, -1, step_, context.replay, marked_, now});
  marked_ = now;
}

void TimesRecorder::run(const PackedPart& part, const RunContext& context) {
  if (part.part.instructions.empty()) return;
  mark();
  const Clock::time_point begin = part.part.micro_batch > 0 ? replay_begin_ : marked_;
  for (std::size_t i = 0; i < part.part.instructions.size(); ++i) {
    const Instruction& instruction = part.part.instructions[i];
    const RunningKernel running(instruction.name.c_str());
    instruction.kernel->run(context);
    backend_.synchronize();
    const Clock::time_point now = Clock::now();
    push({SliceKind::kernel, &part, static_cast<int>(i), step_, context.replay, marked_, now});
    marked_ = now;
  }
  push({SliceKind::part, &part, -1, step_, context.replay, begin, marked_});
}

KernelTimes TimesRecorder::times() const {
  KernelTimes times{.slices = {}, .asked_bytes = asked_bytes_, .steps = steps_};
  if (slices_.empty()) return times;
  const auto first = std::min_element(slices_.begin(), slices_.end(), [](const Slice& a, const Slice& b) {
                       return a.begin < b.begin;
                     })->begin;
  const auto since = [&](Clock::time_point t) {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(t - first).count();
  };
  for (const Slice& s : slices_)
    times.slices.push_back({.kind = s.kind,
                            .part = s.part ? numbers_.at(s.part) : -1,
                            .instruction = s.instruction,
                            .step = s.step,
                            .replay = s.replay,
                            .begin_ns = since(s.begin),
                            .end_ns = since(s.end)});
  for (const LoadLog::Entry& load : loads_.entries()) {
    if (load.begin < first || load.begin > slices_.back().end) continue;  // for a step that is not here
    times.slices.push_back({.kind = SliceKind::loading,
                            .replay = load.first,
                            .samples = load.count,
                            .begin_ns = since(load.begin),
                            .end_ns = since(load.end)});
  }
  return times;
}

}  // namespace sluice
