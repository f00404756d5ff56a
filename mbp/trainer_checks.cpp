#include <sluice/mbp/trainer_checks.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include <sluice/core/error.h>
#include <sluice/core/text.h>
#include <sluice/mbp/byte_size.h>

namespace sluice {

void check_options(const DataSpec& data, const TrainerOptions& options) {
  if (data.samples < 1) throw UsageError("trainer: data set " + data.name + " has no samples; expected at least 1");
  if (options.batch < 1)
    throw UsageError("trainer: batch is " + std::to_string(options.batch) + "; expected at least 1");
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

std::set<std::string> scalar_names(const Graph& graph) {
  std::set<std::string> names;
  for (ValueId v = 0; v < graph.values(); ++v)
    if (const Value& value = graph.value(v);
        value.is_leaf() && value.leaf.kind == LeafKind::scalar && value.leaf.name != sample_count_name)
      names.insert(value.leaf.name);
  return names;
}

void check_scalars(const std::set<std::string>& needed, const Scalars& given, std::int64_t step) {
  const auto refuse = [&](const std::string& what, const std::string& expected) {
    throw NumericError("trainer: " + what + ", step " + std::to_string(step) + " is not taken; expected " + expected);
  };
  std::set<std::string> missing = needed;
  for (const auto& [name, number] : given) {
    missing.erase(name);
    const std::string scalar = "the optimizer's scalar '" + name + "' is " + number_text(number);
    if (!(std::abs(number) <= std::numeric_limits<float>::max())) refuse(scalar, "a finite number that f32 can hold");
  }
  if (!missing.empty())
    refuse("nobody sets the scalar '" + *missing.begin() + "'",
           "Optimizer::scalars() to give every scalar of the step");
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
    throw UsageError(std::string(what) + ": data set " + given.name + " has " + counted(given.samples, "sample") +
                     "; planned for " + std::to_string(planned.samples));
  check_fields(planned, given, what);
}

std::size_t budget_on(Backend& backend, std::size_t wanted) {
  if (wanted == 0) return 0;
  if (backend.memory()) backend.warm_up();  // what libraries load counts as taken
  const std::optional<DeviceMemory> memory = backend.memory();
  if (wanted == free_memory) {
    if (!memory)
      throw UsageError("trainer: the budget is to be what is free, and " + backend.description() +
                       " works in the host's memory, which others use as well; expected a number of bytes");
    const std::size_t reserve = std::max(memory->total / 32, std::size_t{256} << 20);
    if (memory->free > reserve) return memory->free - reserve;
    throw OutOfMemory("trainer: no memory is left for a budget; got " + format_bytes(memory->free) + " free of " +
                      format_bytes(memory->total) + " on " + backend.description() +
                      "; expected more than the reserve, " + format_bytes(reserve));
  }
  if (memory && wanted > memory->free)
    throw OutOfMemory("trainer: the budget is above what is free; got a budget of " + format_bytes(wanted) + " and " +
                      format_bytes(memory->free) + " free of " + format_bytes(memory->total) + " on " +
                      backend.description() + "; expected at most what is free");
  return wanted;
}

}  // namespace sluice
