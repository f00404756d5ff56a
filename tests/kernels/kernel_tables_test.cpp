// What the devices have kernels for.

#include <gtest/gtest.h>

#include <sluice/core/kernel.h>

#include "support/device_under_test.h"

namespace sluice::test {
namespace {

// On the CPU this compares the table with itself.
TEST(KernelTables, EveryOpHasAKernelOnTheDeviceUnderTest) {
  const KernelTable& table = device_under_test().backend().kernels();
  for (const std::string& type : Device::cpu().backend().kernels().types())
    EXPECT_TRUE(table.find(type)) << "no " << device_under_test().str() << " kernel for op " << type;
}

}  // namespace
}  // namespace sluice::test
