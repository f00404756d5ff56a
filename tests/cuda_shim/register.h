#pragma once

namespace sluice::test {

/// Makes Device::cuda() the CUDA backend of this tree on a runtime without a GPU.
void register_cuda_shim();

}  // namespace sluice::test
