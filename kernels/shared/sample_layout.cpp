#include <sluice/kernels/shared/sample_layout.h>

#include <sluice/kernels/shared/lowering.h>

namespace sluice {

std::optional<Layout> layout_of_sample(const LoweredValue& value) {
  if (!samples_contiguous(value)) return std::nullopt;
  std::vector<std::uint8_t> order;
  for (const std::uint8_t dim : value.layout.order())
    if (dim != 0) order.push_back(static_cast<std::uint8_t>(dim - 1));
  std::vector<Layout::Block> blocks(value.layout.blocks().begin(), value.layout.blocks().end());
  for (Layout::Block& block : blocks) block.dim -= 1;
  return Layout(std::move(order), std::move(blocks));
}

std::optional<Layout> layout_of_samples(const Layout& layout) {
  if (layout.groups() != 1) return std::nullopt;
  std::vector<std::uint8_t> order;
  if (!layout.order().empty()) order.push_back(0);
  for (const std::uint8_t dim : layout.order()) order.push_back(static_cast<std::uint8_t>(dim + 1));
  std::vector<Layout::Block> blocks(layout.blocks().begin(), layout.blocks().end());
  for (Layout::Block& block : blocks) block.dim += 1;
  return Layout(std::move(order), std::move(blocks));
}

}  // namespace sluice
