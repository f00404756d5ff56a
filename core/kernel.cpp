#include <sluice/core/kernel.h>

#include <sluice/core/device.h>
#include <sluice/core/error.h>

namespace sluice {

std::string LoweringContext::key() const {
  std::string text(op_.type());
  if (second_) text += "+" + std::string(second_->type());
  for (const Op* op : {&op_, second_})
    if (op && !op->options().empty()) text += " " + op->options();
  for (const LoweredValue& input : inputs_) text += " " + input.dims.str();
  for (const LoweredValue& output : outputs_) text += " -> " + output.dims.str();
  return text;
}

const KernelFactory* LoweringContext::factory() const {
  if (!second_) return backend_.kernel(op_.type());
  const Fusion* const fusion = backend_.fusion(op_.type(), second_->type());
  return fusion ? &fusion->both : nullptr;
}

void LoweringContext::set_layout(int i, const Layout& layout) {
  LoweredValue& value = outputs_[static_cast<std::size_t>(i)];
  if (value.pinned && value.layout != layout)
    throw BackendError(std::string(op_.type()) + ": output " + std::to_string(i) + " must lie as " +
                       value.layout.str(value.dims.rank()) + "; its kernel wants " + layout.str(value.dims.rank()));
  value.layout = layout;
}

}  // namespace sluice
