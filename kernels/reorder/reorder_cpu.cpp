#include <algorithm>

#include <sluice/kernels/onednn/onednn.h>

namespace sluice {
namespace {

// Looks at the two values only: the op behind it may be of any class.
std::unique_ptr<Kernel> lower_reorder(LoweringContext& context) {
  const LoweredValue &from = context.input(0), &to = context.output(0);
  const std::int64_t groups = std::max(from.layout.groups(), to.layout.groups());
  const onednn::Md from_md = onednn::descriptor(from, groups), to_md = onednn::descriptor(to, groups);
  return onednn::primitive_kernel(onednn::reorder(from_md, to_md),
                                  {onednn::input(DNNL_ARG_FROM, from_md, 0), onednn::output(DNNL_ARG_TO, to_md, 0)});
}

}  // namespace

void register_reorder_cpu(KernelTable& table) { table.add("reorder", lower_reorder); }

}  // namespace sluice
