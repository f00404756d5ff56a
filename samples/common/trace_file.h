#pragma once

#include <string>

#include <sluice/mbp/plan/plan_details.h>
#include <sluice/mbp/run/kernel_times.h>

namespace sluice::samples {

/// A trace in the Trace Event Format, for https://ui.perfetto.dev or chrome://tracing: steps, parts and kernels on one
/// track, the loader's thread on another, and as counters the bytes that the plan has in use while each kernel runs, by
/// category, beside what was asked of the device. `details`: of the same trainer.
std::string trace_json(const PlanDetails& details, const KernelTimes& times);

}  // namespace sluice::samples
