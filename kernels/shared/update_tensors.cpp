#include <sluice/kernels/shared/update_tensors.h>

namespace sluice {

std::vector<std::int64_t> share_update_layouts(LoweringContext& context, int groups, int parameters) {
  std::vector<std::int64_t> counts;
  for (int i = 0; i < parameters; ++i) {
    Layout layout = context.input(i).layout;
    for (int group = groups - 1; group >= 0; --group)
      if (context.input(group * parameters + i).pinned) layout = context.input(group * parameters + i).layout;
    for (int group = 0; group < groups; ++group) context.require(group * parameters + i, layout);
    counts.push_back(context.input(i).padded_elements());
  }
  return counts;
}

}  // namespace sluice
