#pragma once

#include <cstddef>
#include <memory>
#include <set>
#include <string>

#include <sluice/core/device.h>
#include <sluice/data/dataset.h>

namespace sluice {

// What a Trainer or a Predictor checks before it plans or runs. All throw UsageError, if nothing else is said; `what`
// begins the message.

/// Both have the same fields in the same order: they use the same staging.
void check_fields(const DataSpec& planned, const DataSpec& given, const char* what);
/// The same, and then the number of samples, because it decides the micro-batch sizes.
void check_data(const DataSpec& planned, const DataSpec& given, const char* what);

/// The set has samples, and the fields called `read` as they were planned for; others are not looked at.
void check_fields_read(const DataSpec& planned, const DataSpec& given, const std::set<std::string>& read,
                       const char* what);

/// Who plans and runs: for messages.
struct Runner {
  std::string what;  ///< "trainer"
  std::string type;  ///< "Trainer"
};

/// What a Trainer or a Predictor refers to is still where it was. `name`: "model".
void check_alive(const std::weak_ptr<const void>& lifetime, const char* name, const Runner& runner);

/// The budget that `wanted` (TrainerOptions::budget) is on this device. Throws also OutOfMemory, when it is above what
/// is free there.
std::size_t budget_on(Backend& backend, std::size_t wanted, const Runner& runner);

}  // namespace sluice
