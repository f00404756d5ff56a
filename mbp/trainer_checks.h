#pragma once

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <sluice/mbp/trainer.h>

namespace sluice {

// What a Trainer checks before it plans or runs. All throw UsageError, if nothing else is said; `what` begins the
// message.

void check_options(const DataSpec& data, const TrainerOptions& options);
/// Both have the same fields: they use the same staging.
void check_fields(const DataSpec& planned, const DataSpec& given, const char* what);
/// The same, and the number of samples, because it decides the micro-batch sizes.
void check_data(const DataSpec& planned, const DataSpec& given, const char* what);

/// What a Trainer refers to is still where it was. `name`: "model".
void check_alive(const std::weak_ptr<const void>& lifetime, const char* name);

using Scalars = std::vector<std::pair<std::string, double>>;
/// Of the scalars that an optimizer has to set before a step of this graph.
std::set<std::string> scalar_names(const Graph& graph);
/// Before a step: `given` has all of `needed`, and each number is finite in f32 too. Throws NumericError naming the
/// scalar and the step.
void check_scalars(const std::set<std::string>& needed, const Scalars& given, std::int64_t step);

/// The budget that `wanted` (TrainerOptions::budget) is on this device. Throws also OutOfMemory, when it is above what
/// is free there.
std::size_t budget_on(Backend& backend, std::size_t wanted);

}  // namespace sluice
