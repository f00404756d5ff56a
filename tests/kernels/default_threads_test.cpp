#include <sluice/kernels/cpu/default_threads.h>

#include <thread>

#include <gtest/gtest.h>
#include <omp.h>
#include <sched.h>

#include <sluice/kernels/cpu/cpu_backend.h>

#include "support/file_test.h"
#include "support/threads.h"

namespace sluice::test {
namespace {

using cpu::cpu_quota;
using cpu::default_threads;

/// A made-up tree of the system's files.
class CpuQuota : public FileTest {
 protected:
  void write(const std::string& name, const std::string& text) const {
    fs::create_directories(fs::path(path(name)).parent_path());
    put(name, text + "\n");
  }
  void process(const std::string& groups, const std::string& mounts) const {
    write("proc/self/cgroup", groups);
    write("proc/self/mountinfo", "24 1 8:1 / / rw - ext4 /dev/sda1 rw\n" + mounts);
  }
  void version_2(const std::string& group, const std::string& mounted = "/") const {
    process("0::" + group, "31 24 0:27 " + mounted + " /sys/fs/cgroup rw shared:4 - cgroup2 cgroup2 rw,nsdelegate");
  }
  void version_1(const std::string& group, const std::string& mounted = "/") const {
    process("5:memory:/elsewhere\n4:cpu,cpuacct:" + group + "\n0::/",
            "40 24 0:30 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n41 24 0:31 " + mounted +
                " /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct");
  }
  std::optional<double> quota() const { return cpu_quota(folder_.string()); }
};

TEST_F(CpuQuota, IsThatOfVersion2) {
  version_2("/");
  EXPECT_EQ(quota(), std::nullopt);  // the root group of a machine has no such file
  write("sys/fs/cgroup/cpu.max", "max 100000");
  EXPECT_EQ(quota(), std::nullopt);
  write("sys/fs/cgroup/cpu.max", "150000 100000");
  EXPECT_EQ(quota(), 1.5);
  write("sys/fs/cgroup/cpu.max", "50000 200000");
  EXPECT_EQ(quota(), 0.25);
}

TEST_F(CpuQuota, IsTheLeastOfTheGroupsAround) {
  version_2("/user.slice/a");
  write("sys/fs/cgroup/user.slice/a/cpu.max", "400000 100000");
  EXPECT_EQ(quota(), 4);
  write("sys/fs/cgroup/user.slice/cpu.max", "300000 100000");
  EXPECT_EQ(quota(), 3);
  write("sys/fs/cgroup/cpu.max", "200000 100000");
  EXPECT_EQ(quota(), 2);
  write("sys/fs/cgroup/user.slice/a/cpu.max", "100000 100000");
  EXPECT_EQ(quota(), 1);
  write("sys/fs/cgroup/user.slice/a/b/cpu.max", "10000 100000");  // another process's
  write("cpu.max", "10000 100000");                               // not a group's
  EXPECT_EQ(quota(), 1);
}

TEST_F(CpuQuota, IsThatOfVersion1) {
  version_1("/a b");
  write("sys/fs/cgroup/cpu,cpuacct/a b/cpu.cfs_quota_us", "-1");
  write("sys/fs/cgroup/cpu,cpuacct/a b/cpu.cfs_period_us", "100000");
  EXPECT_EQ(quota(), std::nullopt);
  write("sys/fs/cgroup/cpu,cpuacct/a b/cpu.cfs_quota_us", "250000");
  EXPECT_EQ(quota(), 2.5);
  write("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "50000");
  write("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "50000");
  EXPECT_EQ(quota(), 1);
}

TEST_F(CpuQuota, IsFoundInContainers) {
  // With a namespace of their own the group is "/"; without, the host's path is mounted at the folder.
  for (const auto& [group, mounted] :
       {std::pair{"/", "/"}, std::pair{"/docker/12ab", "/docker/12ab"}, std::pair{"/docker/12ab", "/docker/12ab/"},
        std::pair{"/../..", "/"}, std::pair{"/kubepods/a", "/docker"}}) {
    version_2(group, mounted);
    write("sys/fs/cgroup/cpu.max", "200000 100000");
    EXPECT_EQ(quota(), 2) << group << ' ' << mounted;
    version_1(group, mounted);
    write("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "300000");
    write("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000");
    EXPECT_EQ(quota(), 3) << group << ' ' << mounted;
  }
  version_2("/docker/12ab/inner", "/docker/12ab");
  write("sys/fs/cgroup/inner/cpu.max", "100000 100000");
  EXPECT_EQ(quota(), 1);
}

TEST_F(CpuQuota, IsFoundWhereTheFolderHasASpace) {
  process("0::/", "31 24 0:27 / /a\\040b rw - cgroup2 cgroup2 rw");
  write("a b/cpu.max", "100000 100000");
  EXPECT_EQ(quota(), 1);
}

TEST_F(CpuQuota, IsNoneWhereItCannotBeRead) {
  EXPECT_EQ(quota(), std::nullopt);
  process("", "");
  EXPECT_EQ(quota(), std::nullopt);
  process("no colon\n0:", "31 24 - cgroup2\n- \n");
  EXPECT_EQ(quota(), std::nullopt);
  version_2("/");
  for (const char* text : {"", "max", "100000", "many 100000", "100000 0", "-1 100000", "100000 100000x"}) {
    write("sys/fs/cgroup/cpu.max", text);
    EXPECT_EQ(quota(), std::nullopt) << text;
  }
}

TEST(DefaultThreads, AreOneForEachCoreThatMayBeUsed) {
  const auto text = [](const cpu::ThreadSources& sources) {
    const cpu::DefaultThreads threads = default_threads(sources);
    return std::to_string(threads.count) + (threads.reason.empty() ? "" : " " + threads.reason);
  };
  EXPECT_EQ(text({.openmp = 8, .allowed = 8, .cores = 8}), "8");
  EXPECT_EQ(text({.openmp = 8, .allowed = 8, .cores = 8, .quota = 100}), "8");
  EXPECT_EQ(text({.openmp = 8, .allowed = 8, .cores = 8, .quota = 2}), "2 of 8 cores: the CPU quota is 2");
  EXPECT_EQ(text({.openmp = 8, .allowed = 8, .cores = 8, .quota = 1.5}), "2 of 8 cores: the CPU quota is 1.5");
  EXPECT_EQ(text({.openmp = 8, .allowed = 8, .cores = 8, .quota = 0.25}), "1 of 8 cores: the CPU quota is 0.25");
  EXPECT_EQ(text({.openmp = 3, .allowed = 3, .cores = 8}), "3 of 8 cores: the affinity mask has 3");
  EXPECT_EQ(text({.openmp = 8, .allowed = 2, .cores = 8}), "2 of 8 cores: the affinity mask has 2");
  EXPECT_EQ(text({.openmp = 3, .allowed = 3, .cores = 8, .quota = 4}), "3 of 8 cores: the affinity mask has 3");
  EXPECT_EQ(text({.openmp = 3, .allowed = 3, .cores = 8, .quota = 2}), "2 of 8 cores: the CPU quota is 2");
  // What the user says stays, more threads than cores too.
  EXPECT_EQ(text({.openmp = 5, .set_by_user = true, .allowed = 2, .cores = 2, .quota = 1}), "5");
  EXPECT_EQ(text({.openmp = 1, .set_by_user = true, .allowed = 2, .cores = 2}), "1");
}

TEST(DefaultThreads, FollowTheAffinityMaskOfTheCallingThread) {
  SLUICE_NEEDS_OPENMP_THREADS();
  cpu_set_t mask, one;
  ASSERT_EQ(sched_getaffinity(0, sizeof(mask), &mask), 0);
  int first = 0;
  while (!CPU_ISSET(first, &mask)) ++first;
  CPU_ZERO(&one);
  CPU_SET(first, &one);
  const auto backend = make_cpu_backend();
  std::thread([&] {
    ASSERT_EQ(sched_setaffinity(0, sizeof(one), &one), 0);
    if (std::getenv("OMP_NUM_THREADS")) return;
    const std::string expected = CPU_COUNT(&mask) > 1 ? " cores: the affinity mask has 1" : "";
    backend->with_threads(0, [&] {
      EXPECT_EQ(backend->threads(), 1);
      EXPECT_EQ(omp_get_max_threads(), 1);
      EXPECT_NE(backend->description().find(expected), std::string::npos) << backend->description();
      EXPECT_EQ(backend->fingerprint().find("affinity"), std::string::npos);  // part of the plan's hash
      // A Trainer asks again for the number that it was given.
      backend->with_threads(
          1, [&] { EXPECT_NE(backend->description().find(expected), std::string::npos) << backend->description(); });
      backend->with_threads(2, [&] {
        EXPECT_EQ(backend->threads(), 2);
        EXPECT_EQ(backend->description().find("affinity"), std::string::npos);
        backend->with_threads(0, [&] { EXPECT_EQ(backend->threads(), 2); });
      });
      EXPECT_NE(backend->description().find(expected), std::string::npos) << backend->description();
    });
    omp_set_num_threads(3);  // the application's own setting
    backend->with_threads(0, [&] { EXPECT_EQ(backend->threads(), 3); });
  }).join();
}

}  // namespace
}  // namespace sluice::test
