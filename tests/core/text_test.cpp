#include <sluice/core/text.h>

#include <cstdint>

#include <gtest/gtest.h>

namespace sluice {
namespace {

TEST(Text, OneThingIsNotSeveral) {
  EXPECT_EQ(counted(1, "thread"), "1 thread");
  EXPECT_EQ(counted(2, "thread"), "2 threads");
  EXPECT_EQ(counted(0, "thread"), "0 threads");
  EXPECT_EQ(counted(std::int64_t{1}, "micro-batch", "micro-batches"), "1 micro-batch");
  EXPECT_EQ(counted(std::size_t{7}, "micro-batch", "micro-batches"), "7 micro-batches");
}

}  // namespace
}  // namespace sluice
