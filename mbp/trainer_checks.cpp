#include <sluice/mbp/trainer_checks.h>

#include <sluice/core/error.h>

namespace sluice {

void check_options(const DataSpec& data, const TrainerOptions& options) {
  if (data.samples < 1) throw UsageError("trainer: data set " + data.name + " has no samples; expected at least 1");
  if (options.batch < 1)
    throw UsageError("trainer: batch is " + std::to_string(options.batch) + "; expected at least 1");
  if (options.micro_batch < 0)
    throw UsageError("trainer: micro_batch is " + std::to_string(options.micro_batch) +
                     "; expected at least 1, or 0 for the largest that fits");
  if (options.threads < 0)
    throw UsageError("trainer: threads is " + std::to_string(options.threads) +
                     "; expected at least 1, or 0 for all cores");
}

void check_fields(const DataSpec& planned, const DataSpec& given, const char* what) {
  bool same = given.fields.size() == planned.fields.size();
  for (std::size_t i = 0; same && i < given.fields.size(); ++i) {
    const FieldSpec &a = given.fields[i], &b = planned.fields[i];
    same = a.name == b.name && a.shape == b.shape && a.dtype == b.dtype && a.mean == b.mean && a.std == b.std;
  }
  if (!same)
    throw UsageError(std::string(what) + ": the fields of data set " + given.name + " differ from those planned for (" +
                     planned.name + "); expected the same names, shapes, dtypes and normalisation");
}

void check_data(const DataSpec& planned, const DataSpec& given, const char* what) {
  if (given.samples != planned.samples)
    throw UsageError(std::string(what) + ": data set " + given.name + " has " + std::to_string(given.samples) +
                     " samples; planned for " + std::to_string(planned.samples));
  check_fields(planned, given, what);
}

}  // namespace sluice
