#pragma once

#include <sluice/mbp/plan/step_planner.h>

namespace sluice {

/// Runs every recorded kernel that the file does not know yet with each of its algorithms, on memory of its own, and
/// writes the file. An algorithm that fails is named on stderr, noted, and never chosen. False: there was nothing to
/// measure; then the file is written only where there is none. Throws Error when the file cannot be written.
bool measure_kernels(TuningFile& file, const ChoiceRecorder& recorder);

/// Measures, with the planner's threads and precision, what its tuning file does not know yet: the kernels of `plan`
/// that have a choice; where the fastest micro-batch is asked for, also those of all candidates, and then a replay of
/// each candidate, one after the other, each in no more than the budget. False: all of it was known. Throws Error when
/// the file cannot be written.
bool tune(StepPlanner& planner, const RunPlan& plan);

}  // namespace sluice
