// The main of tests that run on the CUDA backend without a GPU.

#include <cstdlib>

#include <gtest/gtest.h>

#include "cuda_shim/register.h"

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  sluice::test::register_cuda_shim();
  setenv("SLUICE_TEST_DEVICE", "cuda", 0);
  return RUN_ALL_TESTS();
}
