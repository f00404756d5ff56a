#include <sluice/mbp/train/checks.h>

#include <algorithm>

#include <sluice/core/byte_size.h>
#include <sluice/core/error.h>
#include <sluice/core/text.h>
#include <sluice/mbp/plan/options.h>

namespace sluice {

namespace {

bool same(const FieldSpec& a, const FieldSpec& b) {
  return a.name == b.name && a.shape == b.shape && a.dtype == b.dtype && a.mean == b.mean && a.std == b.std;
}

std::string list_of(const std::vector<double>& numbers) {
  std::string text;
  for (const double number : numbers) text += (text.empty() ? "" : ",") + number_text(number);
  return "[" + text + "]";
}

std::string field_names(const DataSpec& data) {
  std::string text;
  for (const FieldSpec& field : data.fields) text += (text.empty() ? "" : ", ") + field.name;
  return text.empty() ? "none" : text;
}

/// "u8[1,28,28]"; with `normalised` also "with mean [0.5] and std [0.25]", or "without mean and std".
std::string type_of(const FieldSpec& field, bool normalised) {
  const std::string type = std::string(name(field.dtype)) + field.shape.str();
  if (!normalised) return type;
  return type + (field.mean.empty() ? " without mean and std"
                                    : " with mean " + list_of(field.mean) + " and std " + list_of(field.std));
}

/// `given` has the field as it was planned for.
void check_field(const FieldSpec& field, const DataSpec& planned, const DataSpec& given, const char* what) {
  const auto found = std::ranges::find(given.fields, field.name, &FieldSpec::name);
  if (found == given.fields.end())
    throw UsageError(std::string(what) + ": data set " + given.name + " has no field '" + field.name + "'; got " +
                     field_names(given) + "; expected the field as planned for (" + planned.name +
                     "): " + type_of(field, false));
  if (same(*found, field)) return;
  const bool normalised = found->mean != field.mean || found->std != field.std;
  throw UsageError(std::string(what) + ": field '" + field.name + "' of data set " + given.name +
                   " differs from the one planned for (" + planned.name + "); got " + type_of(*found, normalised) +
                   "; expected " + type_of(field, normalised));
}

}  // namespace

void check_alive(const std::weak_ptr<const void>& lifetime, const char* name, const Runner& runner) {
  if (lifetime.expired())
    throw UsageError(runner.what + ": its " + name + " is gone; got a " + runner.type + " whose " + name +
                     " was destroyed or moved from; expected the " + name + " to outlive it");
}

void check_fields(const DataSpec& planned, const DataSpec& given, const char* what) {
  for (const FieldSpec& field : planned.fields) check_field(field, planned, given, what);
  if (!std::equal(given.fields.begin(), given.fields.end(), planned.fields.begin(), planned.fields.end(), same))
    throw UsageError(std::string(what) + ": data set " + given.name + " has other fields than planned for (" +
                     planned.name + "); got " + field_names(given) + "; expected " + field_names(planned));
}

void check_data(const DataSpec& planned, const DataSpec& given, const char* what) {
  check_fields(planned, given, what);
  if (given.samples != planned.samples)
    throw UsageError(std::string(what) + ": the number of samples differs; got " + counted(given.samples, "sample") +
                     " in data set " + given.name + "; expected the " + std::to_string(planned.samples) +
                     " planned for (" + planned.name + "): make another Trainer for another number");
}

void check_fields_read(const DataSpec& planned, const DataSpec& given, const std::set<std::string>& read,
                       const char* what) {
  if (given.samples < 1)
    throw UsageError(std::string(what) + ": data set " + given.name + " has no samples; expected at least 1");
  for (const FieldSpec& field : planned.fields)
    if (read.contains(field.name)) check_field(field, planned, given, what);
}

std::size_t budget_on(Backend& backend, std::size_t wanted, const Runner& runner) {
  if (wanted == 0) return 0;
  if (backend.memory()) backend.warm_up();  // what libraries load counts as taken
  const std::optional<DeviceMemory> memory = backend.memory();
  if (wanted == free_memory) {
    if (!memory)
      throw UsageError(runner.what + ": the budget is to be what is free, and " + backend.description() +
                       " works in the host's memory, which others use as well; expected a number of bytes");
    const std::size_t reserve = std::max(memory->total / 32, std::size_t{256} << 20);
    if (memory->free > reserve) return memory->free - reserve;
    throw OutOfMemory(runner.what + ": no memory is left for a budget; got " + format_bytes(memory->free) +
                      " free of " + format_bytes(memory->total) + " on " + backend.description() +
                      "; expected more than the reserve, " + format_bytes(reserve));
  }
  if (memory && wanted > memory->free)
    throw OutOfMemory(runner.what + ": the budget is above what is free; got a budget of " + format_bytes(wanted) +
                      " and " + format_bytes(memory->free) + " free of " + format_bytes(memory->total) + " on " +
                      backend.description() + "; expected at most what is free");
  return wanted;
}

}  // namespace sluice
