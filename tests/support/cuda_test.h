#pragma once

#include <gtest/gtest.h>

#include <sluice/core/device.h>
#include <sluice/core/error.h>
#include <sluice/kernels/reference/reference_backend.h>

namespace sluice::test {

/// Tests that ask for a CUDA device by name, to compare it with the reference device; they skip where there is none.
class CudaTest : public testing::Test {
 protected:
  void SetUp() override {
    register_reference_device();
    try {
      Device::cuda().backend();
    } catch (const DeviceError& error) {
      GTEST_SKIP() << error.what();
    }
  }
};

}  // namespace sluice::test
