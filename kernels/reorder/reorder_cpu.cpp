#include <algorithm>
#include <vector>

#include <sluice/core/bits.h>
#include <sluice/kernels/onednn/onednn.h>

namespace sluice {
namespace {

/// Bit by bit, for masks of batch values: dx may have to lie as a parameter does. Those of samples never move.
std::unique_ptr<Kernel> lower_bit_reorder(const LoweredValue& from, const LoweredValue& to) {
  std::vector<std::int64_t> places(static_cast<std::size_t>(from.elements()));
  from.layout.for_each(
      from.dims, [&](std::int64_t logical, std::int64_t place) { places[static_cast<std::size_t>(logical)] = place; });
  return make_kernel([to, places](const Addresses& at, const RunContext&) {
    auto* const words = static_cast<std::uint32_t*>(at.outputs[0]);
    std::fill_n(words, bit_words(to.padded_elements()), 0u);
    to.layout.for_each(to.dims, [&](std::int64_t logical, std::int64_t place) {
      set_bit(words, place,
              get_bit(static_cast<const std::uint32_t*>(at.inputs[0]), places[static_cast<std::size_t>(logical)]));
    });
  });
}

// Looks at the two values only: the op behind it may be of any class.
std::unique_ptr<Kernel> lower_reorder(LoweringContext& context) {
  const LoweredValue &from = context.input(0), &to = context.output(0);
  if (from.dtype == DType::bit) return lower_bit_reorder(from, to);
  const std::int64_t groups = std::max(from.layout.groups(), to.layout.groups());
  const onednn::Md from_md = onednn::descriptor(from, groups), to_md = onednn::descriptor(to, groups);
  return onednn::primitive_kernel(onednn::reorder(from_md, to_md),
                                  {onednn::input(DNNL_ARG_FROM, from_md, 0), onednn::output(DNNL_ARG_TO, to_md, 0)});
}

}  // namespace

void register_reorder_cpu(KernelTable& table) { table.add("reorder", lower_reorder, {}, "oneDNN"); }

}  // namespace sluice
