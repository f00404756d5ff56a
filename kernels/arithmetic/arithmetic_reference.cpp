#include <sluice/kernels/arithmetic/arithmetic.h>
#include <sluice/kernels/arithmetic/arithmetic_functors.h>
#include <sluice/kernels/shared/map_reference.h>

namespace sluice {

void register_arithmetic_reference(KernelTable& table) {
  table.add("mul", reference::map2(MulFunctor{}));
  table.add("div", reference::map2(DivFunctor{}));
  table.add("sub", reference::map2(SubFunctor{}));
  table.add("scale", [](LoweringContext& context) {
    return reference::map(ScaleFunctor{context.op<ScaleOp>().factor()})(context);
  });
}

}  // namespace sluice
