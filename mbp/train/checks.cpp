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

}  // namespace

void check_alive(const std::weak_ptr<const void>& lifetime, const char* name, const Runner& runner) {
  if (lifetime.expired())
    throw UsageError(runner.what + ": its " + name + " is gone; got a " + runner.type + " whose " + name +
                     " was destroyed or moved from; expected the " + name + " to outlive it");
}

void check_fields(const DataSpec& planned, const DataSpec& given, const char* what) {
  if (!std::equal(given.fields.begin(), given.fields.end(), planned.fields.begin(), planned.fields.end(), same))
    throw UsageError(std::string(what) + ": the fields of data set " + given.name + " differ from those planned for (" +
                     planned.name + "); expected the same names, shapes, dtypes and normalisation");
}

void check_data(const DataSpec& planned, const DataSpec& given, const char* what) {
  if (given.samples != planned.samples)
    throw UsageError(std::string(what) + ": data set " + given.name + " has " + counted(given.samples, "sample") +
                     "; planned for " + std::to_string(planned.samples));
  check_fields(planned, given, what);
}

void check_fields_read(const DataSpec& planned, const DataSpec& given, const std::set<std::string>& read,
                       const char* what) {
  if (given.samples < 1)
    throw UsageError(std::string(what) + ": data set " + given.name + " has no samples; expected at least 1");
  for (const FieldSpec& field : planned.fields) {
    if (!read.contains(field.name)) continue;
    const auto found = std::find_if(given.fields.begin(), given.fields.end(),
                                    [&](const FieldSpec& other) { return other.name == field.name; });
    if (found == given.fields.end())
      throw UsageError(std::string(what) + ": data set " + given.name + " has no field '" + field.name +
                       "'; expected the fields planned for (" + planned.name + ") that are read here");
    if (!same(*found, field))
      throw UsageError(std::string(what) + ": the fields of data set " + given.name +
                       " differ from those planned for (" + planned.name + "); got '" + field.name + "' " +
                       std::string(name(found->dtype)) + found->shape.str() + "; expected " +
                       std::string(name(field.dtype)) + field.shape.str() + ", and the same normalisation");
  }
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
