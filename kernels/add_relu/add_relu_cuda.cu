#include <sluice/kernels/add_relu/add_relu_functors.h>
#include <sluice/kernels/shared/map_cuda.h>

namespace sluice {

void register_add_relu_cuda(KernelTable& table) {
  table.add("add_relu",
            [](LoweringContext& context) {
              // A batch value of one element has no padding where the samples have some.
              const bool padding = context.input(0).dims == context.input(1).dims;
              return cuda::lower_masked_binary(context, AddReluFunctor{}, padding);
            },
            {DType::bit});
}

}  // namespace sluice
