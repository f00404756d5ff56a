// The main of tests that run on the CUDA backend without a GPU.

#include <cstdlib>

#include <gtest/gtest.h>

#include "cuda_shim/register.h"
#include "support/device_under_test.h"

namespace sluice::test {
namespace {

/// What kernels did wrong belongs to the test that launched them, even where nobody waited for them.
class NoFailureIsForgotten final : public testing::EmptyTestEventListener {
  void OnTestEnd(const testing::TestInfo&) override { EXPECT_NO_THROW(device_under_test().backend().synchronize()); }
};

}  // namespace
}  // namespace sluice::test

int main(int argc, char** argv) {
  setenv("SLUICE_TEST_DEVICE", "cuda", /*overwrite=*/1);  // before GoogleTest asks for the values of parameters
  sluice::test::register_cuda_shim();
  testing::InitGoogleTest(&argc, argv);
  testing::UnitTest::GetInstance()->listeners().Append(new sluice::test::NoFailureIsForgotten);
  return RUN_ALL_TESTS();
}
