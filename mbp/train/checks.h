#pragma once

#include <cstddef>
#include <memory>

#include <sluice/core/device.h>
#include <sluice/data/dataset.h>

namespace sluice {

// What a Trainer checks before it plans or runs. All throw UsageError, if nothing else is said; `what` begins the
// message.

/// Both have the same fields: they use the same staging.
void check_fields(const DataSpec& planned, const DataSpec& given, const char* what);
/// The same, and the number of samples, because it decides the micro-batch sizes.
void check_data(const DataSpec& planned, const DataSpec& given, const char* what);

/// What a Trainer refers to is still where it was. `name`: "model".
void check_alive(const std::weak_ptr<const void>& lifetime, const char* name);

/// The budget that `wanted` (TrainerOptions::budget) is on this device. Throws also OutOfMemory, when it is above what
/// is free there.
std::size_t budget_on(Backend& backend, std::size_t wanted);

}  // namespace sluice
