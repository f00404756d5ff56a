#include <sluice/kernels/shared/lowering.h>

#include <sluice/core/error.h>

namespace sluice {

Layout share_layout(LoweringContext& context, std::initializer_list<int> inputs, int output) {
  const bool fixed = output >= 0 && context.output(output).pinned;
  Layout layout = fixed ? context.output(output).layout : context.input(*inputs.begin()).layout;
  if (!fixed) {
    for (const int i : inputs) {
      if (!context.input(i).pinned) continue;
      layout = context.input(i).layout;
      break;
    }
  }
  for (const int i : inputs) context.require(i, layout);
  if (output >= 0 && !fixed) context.set_layout(output, layout);
  return layout;
}

OperandExtent operand_extent(const LoweringContext& context, int i) {
  const LoweredValue& value = context.input(i);
  if (value.dims == context.output(0).dims) return OperandExtent::full;
  return value.elements() == 1 ? OperandExtent::scalar : OperandExtent::row;
}

void share_layout_of_full_operands(LoweringContext& context) {
  if (operand_extent(context, 0) != OperandExtent::full)
    share_layout(context, {1});
  else if (operand_extent(context, 1) != OperandExtent::full)
    share_layout(context, {0});
  else
    share_layout(context, {0, 1});
}

void require_all_plain(LoweringContext& context) {
  for (int i = 0; i < context.inputs(); ++i) context.require_plain(i);
  for (int o = 0; o < context.outputs(); ++o) context.set_layout(o, Layout());
}

void require_f32(const LoweringContext& context) {
  const auto check = [&](const LoweredValue& value) {
    if (is_floating(value.dtype) && value.dtype != DType::f32)
      throw BackendError(std::string(context.op().type()) + ": this device has no kernel for the dtype; got " +
                         std::string(name(value.dtype)) + "; expected f32");
  };
  for (int i = 0; i < context.inputs(); ++i) check(context.input(i));
  for (int o = 0; o < context.outputs(); ++o) check(context.output(o));
}

bool samples_contiguous(const LoweredValue& value) {
  const Layout& layout = value.layout;
  if (layout.is_plain()) return true;
  if (layout.groups() != 1 || (!layout.order().empty() && layout.order()[0] != 0)) return false;
  for (const Layout::Block& block : layout.blocks())
    if (block.dim == 0) return false;
  return true;
}

}  // namespace sluice
