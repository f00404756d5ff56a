#include <algorithm>
#include <vector>

#include <sluice/kernels/concat/concat.h>
#include <sluice/kernels/shared/lowering.h>

namespace sluice {
namespace {

/// Elements behind the channels.
std::int64_t spatial(const Shape& dims) { return dims.elements() / (dims[0] * dims[1]); }

std::unique_ptr<Kernel> lower_concat(LoweringContext& context) {
  require_all_plain(context);
  std::vector<std::int64_t> channels;
  for (int i = 0; i < context.inputs(); ++i) channels.push_back(context.input(i).dims[1]);
  return make_kernel([channels, y_dims = context.output(0).dims](const Addresses& at, const RunContext&) {
    auto* y = static_cast<double*>(at.outputs[0]);
    for (std::int64_t n = 0; n < y_dims[0]; ++n)
      for (std::size_t i = 0; i < channels.size(); ++i) {
        const std::int64_t count = channels[i] * spatial(y_dims);
        y = std::copy_n(static_cast<const double*>(at.inputs[i]) + n * count, count, y);
      }
  });
}

std::unique_ptr<Kernel> lower_slice(LoweringContext& context) {
  require_all_plain(context);
  return make_kernel([first = context.op<ChannelRangeOp>().first(), x_dims = context.input(0).dims,
                      y_dims = context.output(0).dims](const Addresses& at, const RunContext&) {
    const auto* x = static_cast<const double*>(at.inputs[0]);
    auto* y = static_cast<double*>(at.outputs[0]);
    for (std::int64_t n = 0; n < y_dims[0]; ++n)
      y = std::copy_n(x + (n * x_dims[1] + first) * spatial(x_dims), y_dims[1] * spatial(y_dims), y);
  });
}

std::unique_ptr<Kernel> lower_pad(LoweringContext& context) {
  require_all_plain(context);
  return make_kernel([first = context.op<ChannelRangeOp>().first(), x_dims = context.input(0).dims,
                      y_dims = context.output(0).dims](const Addresses& at, const RunContext&) {
    const auto* x = static_cast<const double*>(at.inputs[0]);
    auto* y = static_cast<double*>(at.outputs[0]);
    std::fill_n(y, y_dims.elements(), 0.0);
    const std::int64_t count = x_dims[1] * spatial(x_dims);
    for (std::int64_t n = 0; n < y_dims[0]; ++n)
      std::copy_n(x + n * count, count, y + (n * y_dims[1] + first) * spatial(y_dims));
  });
}

}  // namespace

void register_concat_reference(KernelTable& table) {
  table.add("concat", lower_concat);
  table.add("slice_channels", lower_slice);
  table.add("pad_channels", lower_pad);
}

}  // namespace sluice
