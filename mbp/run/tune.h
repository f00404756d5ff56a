#pragma once

#include <sluice/mbp/plan/step_planner.h>

namespace sluice {

/// Measures every kernel of `recorder` that the file lacks: runs it with each of its algorithms, on memory of its own,
/// and writes the file. An algorithm that fails is reported on stderr, noted in the file, and never chosen. Returns
/// false if there was nothing to measure; it then writes the file only if there is none. Throws Error if the file
/// cannot be written.
bool measure_kernels(TuningFile& file, const ChoiceRecorder& recorder);

/// Measures what the planner's tuning file lacks, with the planner's threads and precision: the kernels of `plan` that
/// have a choice of algorithm. If the options ask for the fastest micro-batch, it also measures the kernels of all
/// candidates, and then a replay of each candidate, one after the other, within the budget. Returns false if there was
/// nothing to measure. Throws Error if the file cannot be written.
bool tune(StepPlanner& planner, const RunPlan& plan);

}  // namespace sluice
