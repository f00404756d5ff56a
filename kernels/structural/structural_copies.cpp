#include <sluice/kernels/structural/structural_copies.h>

#include <algorithm>
#include <cstring>

#include <sluice/kernels/shared/lowering.h>

namespace sluice {
namespace {

/// [...] → [n,...].
std::unique_ptr<Kernel> lower_broadcast(LoweringContext& context) {
  require_all_plain(context);
  const std::int64_t samples = context.output(0).dims[0];
  const std::size_t bytes = context.input(0).bytes();
  return make_kernel([samples, bytes](const Addresses& at, const RunContext&) {
    auto* y = static_cast<std::byte*>(at.outputs[0]);
    for (std::int64_t n = 0; n < samples; ++n, y += bytes) std::memcpy(y, at.inputs[0], bytes);
  });
}

/// Rows of a micro-batch inside a batch value [capacity,...].
struct Rows {
  std::int64_t samples, capacity;
  std::size_t row_bytes;

  Rows(const LoweredValue& sample, const LoweredValue& batch)
      : samples(sample.dims[0]),
        capacity(batch.dims[0]),
        row_bytes(sample.bytes() / static_cast<std::size_t>(samples)) {}

  std::size_t offset(const RunContext& run) const { return static_cast<std::size_t>(run.first_sample) * row_bytes; }
  /// Bytes to copy; a micro-batch that reaches past the capacity is cut off there.
  std::size_t bytes(const RunContext& run) const {
    const std::int64_t rows = std::min(samples, capacity - run.first_sample);
    return rows > 0 ? static_cast<std::size_t>(rows) * row_bytes : 0;
  }
};

std::unique_ptr<Kernel> lower_batch_gather(LoweringContext& context) {
  require_all_plain(context);
  const Rows rows(context.input(0), context.output(0));
  return make_kernel([rows](const Addresses& at, const RunContext& run) {
    std::memcpy(static_cast<std::byte*>(at.outputs[0]) + rows.offset(run), at.inputs[0], rows.bytes(run));
  });
}

std::unique_ptr<Kernel> lower_slice(LoweringContext& context) {
  require_all_plain(context);
  const Rows rows(context.output(0), context.input(0));
  return make_kernel([rows](const Addresses& at, const RunContext& run) {
    const std::size_t bytes = rows.bytes(run);
    auto* y = static_cast<std::byte*>(at.outputs[0]);
    std::memcpy(y, static_cast<const std::byte*>(at.inputs[0]) + rows.offset(run), bytes);
    std::memset(y + bytes, 0, static_cast<std::size_t>(rows.samples) * rows.row_bytes - bytes);
  });
}

}  // namespace

void register_structural_copies(KernelTable& table) {
  table.add("broadcast", lower_broadcast);
  table.add("batch_gather", lower_batch_gather);
  table.add("slice", lower_slice);
}

}  // namespace sluice
