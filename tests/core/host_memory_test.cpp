#include <sluice/core/host_memory.h>

#include <cstdio>
#include <cstdlib>
#include <limits>
#include <vector>

#include <gtest/gtest.h>
#include <sys/resource.h>

#include "data/idx_files.h"

namespace sluice::test {
namespace {

/// In a child process: runs `take` with no more address space than `bytes`, prints what it throws and exits with 1.
template <class Take>
[[noreturn]] void run_within(rlim_t bytes, const Take& take) {
  const rlimit limit{bytes, bytes};
  setrlimit(RLIMIT_AS, &limit);
  try {
    take();
  } catch (const OutOfHostMemory& error) {
    std::fprintf(stderr, "%s", error.what());
    std::exit(1);
  }
  std::exit(0);
}

constexpr rlim_t gib = rlim_t{1} << 30;

TEST(HostMemory, ErrorsSayWhatWasWantedAndWhatHelps) {
  expect_error<OutOfHostMemory>(
      [] { host_memory_for("the images of 'a set'", 123, []() -> int { throw std::bad_alloc(); }); },
      {"memory: the host has none left for the images of 'a set'", "a request of 123 bytes",
       "expected a smaller budget"});
  expect_error<OutOfHostMemory>(
      [] {
        host_memory_for("an array", std::numeric_limits<std::size_t>::max(),
                        [] { return std::vector<char>(std::numeric_limits<std::size_t>::max()); });
      },
      {"none left for an array"});
  EXPECT_EQ(host_memory_for("a number", 4, [] { return 7; }), 7);
  EXPECT_NE(std::string(message_of(std::bad_alloc())).find("memory: the host has none left"), std::string::npos);
  EXPECT_STREQ(message_of(Error("what it says")), "what it says");
}

#ifndef SLUICE_SANITIZED
TEST(HostMemoryDeathTest, ErrorsNameTheLimit) {
  const auto array = [] { return std::vector<char>(4 * gib); };
  EXPECT_EXIT(run_within(2 * gib, [&] { host_memory_for("an array", 4 * gib, array); }), testing::ExitedWithCode(1),
              "got a request of 4294967296 bytes in a process of at most 2147483648 bytes .ulimit -v.");
  EXPECT_EXIT(run_within(2 * gib, [] { require_host_memory("code", 4 * gib); }), testing::ExitedWithCode(1),
              "none left for code; got a request of 4294967296 bytes");
  EXPECT_EXIT(run_within(2 * gib, [] { require_host_memory("code", 1 << 20); }), testing::ExitedWithCode(0), "");
}
#endif

}  // namespace
}  // namespace sluice::test
