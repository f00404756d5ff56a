#include <sluice/mbp/train/checks.h>

#include <algorithm>

#include <sluice/core/byte_size.h>
#include <sluice/core/error.h>
#include <sluice/mbp/plan/options.h>

namespace sluice {

void check_alive(const std::weak_ptr<const void>& lifetime, const char* name) {
  if (lifetime.expired())
    throw UsageError("trainer: its " + std::string(name) + " is gone; got a Trainer whose " + name +
                     " was destroyed or moved from; expected the " + name + " to outlive it");
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
