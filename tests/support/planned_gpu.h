#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include <gtest/gtest.h>

#include <sluice/core/error.h>
#include <sluice/core/open_cuda.h>

#include <unistd.h>

#include "support/read_file.h"

namespace sluice::test {

/// Tests that lower kernels for GPUs that are not here. They have a folder of their own, which is also where plans are
/// cached, and skip where the build has no CUDA module, or the libraries that one needs are not there.
class PlannedGpuTest : public testing::Test {
 protected:
  void SetUp() override {
    const auto* const info = testing::UnitTest::GetInstance()->current_test_info();
    folder_ = std::filesystem::temp_directory_path() /
              ("sluice-" + std::string(info->name()) + "-" + std::to_string(getpid()));
    std::filesystem::create_directories(folder_);
    cache_in(folder_);
    try {
      open_planned_cuda(shipped("t4"));
    } catch (const DeviceError& error) {
      const std::string why = error.what();
      for (const char* const absent : {"has no CUDA module", "cannot open shared object file"})
        if (why.find(absent) != std::string::npos) GTEST_SKIP() << why;
      throw;
    }
  }
  void TearDown() override {
    unsetenv("SLUICE_CACHE_DIR");
    std::filesystem::remove_all(folder_);
  }

  const std::filesystem::path& folder() const { return folder_; }
  static void cache_in(const std::filesystem::path& folder) { setenv("SLUICE_CACHE_DIR", folder.c_str(), 1); }
  /// gpus/NAME.json.
  static std::string shipped(const std::string& name) {
    return std::string(SLUICE_SOURCE_DIR) + "/gpus/" + name + ".json";
  }
  /// A file of this text.
  std::string file(const std::string& name, const std::string& text) const {
    std::ofstream(folder_ / name) << text;
    return folder_ / name;
  }

 private:
  std::filesystem::path folder_;
};

}  // namespace sluice::test
