// The main of every test program. Exits with 77, which CTest takes for skipped, where the device under test cannot be
// opened, and where all cases skip themselves.

#include <cstdio>
#include <optional>

#include <gtest/gtest.h>

#include <sluice/core/device_run.h>
#include <sluice/core/error.h>

#include "support/device_under_test.h"

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  if (GTEST_FLAG_GET(list_tests)) return RUN_ALL_TESTS();  // CTest asks for the list wherever it is
  std::optional<sluice::DeviceRun> run;
  std::optional<sluice::DeviceRun::Scope> scope;
  try {
    sluice::Backend& backend = sluice::test::device_under_test().backend();
    // What is compared with the reference: on a GPU that multiplies in TF32 the tolerances would be another thousand.
    if (sluice::test::device_under_test().kind() == sluice::Device::Kind::cuda)
      scope.emplace(run.emplace(backend, sluice::Precision::fp32));
  } catch (const sluice::DeviceError& error) {
    std::printf("skipped: %s\n", error.what());
    return 77;
  }
  const int result = RUN_ALL_TESTS();
  const testing::UnitTest& tests = *testing::UnitTest::GetInstance();
  return result == 0 && tests.skipped_test_count() > 0 && tests.successful_test_count() == 0 ? 77 : result;
}
