#pragma once

#include <cstddef>
#include <memory>
#include <set>
#include <string>

#include <sluice/core/device.h>
#include <sluice/data/dataset.h>

namespace sluice {

// Checks of a Trainer or Predictor before it plans or runs. They throw UsageError if a condition does not hold. `what`
// begins the message.

/// Checks that both have the same fields in the same order, because they use the same staging.
void check_fields(const DataSpec& planned, const DataSpec& given, const char* what);
/// Checks also, and then, that they have the same number of samples, which decides the micro-batch sizes.
void check_data(const DataSpec& planned, const DataSpec& given, const char* what);

/// Checks that the set has samples, and the fields in `read` as they were planned. Ignores other fields.
void check_fields_read(const DataSpec& planned, const DataSpec& given, const std::set<std::string>& read,
                       const char* what);

/// The name of the class that plans and runs, for messages.
struct Runner {
  std::string what;  ///< "trainer"
  std::string type;  ///< "Trainer"
};

/// Checks that an object to which a Trainer or Predictor refers still exists. `name`: "model".
void check_alive(const std::weak_ptr<const void>& lifetime, const char* name, const Runner& runner);

/// Returns the budget in bytes that `wanted` (TrainerOptions::budget) means on this device. Throws also OutOfMemory, if
/// it exceeds the free memory of the device.
std::size_t budget_on(Backend& backend, std::size_t wanted, const Runner& runner);

}  // namespace sluice
