#include <sluice/mbp/plan/options.h>

#include <sluice/core/error.h>
#include <sluice/core/text.h>

namespace sluice {

void check_options(const DataSpec& data, const TrainerOptions& options) {
  if (data.samples < 1) throw UsageError("trainer: data set " + data.name + " has no samples; expected at least 1");
  if (options.batch < 1)
    throw UsageError("trainer: batch is " + std::to_string(options.batch) +
                     (options.batch == 0 ? ", its default" : "") + "; expected at least 1");
  if (options.drop_last && options.batch > data.samples)
    throw UsageError("trainer: drop_last leaves no sample; got a batch of " + std::to_string(options.batch) + " and " +
                     counted(data.samples, "sample") + "; expected at least one whole batch");
  if (options.micro_batch < 0)
    throw UsageError("trainer: micro_batch is " + std::to_string(options.micro_batch) +
                     "; expected at least 1, or 0 for the largest that fits");
  if (options.threads < 0)
    throw UsageError("trainer: threads is " + std::to_string(options.threads) +
                     "; expected at least 1, or 0 for all cores");
}

}  // namespace sluice
