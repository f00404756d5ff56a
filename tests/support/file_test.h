#pragma once

#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iostream>
#include <string>

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sluice/core/error.h>

#include "support/read_file.h"

namespace sluice::test {

namespace fs = std::filesystem;

inline struct stat status_of(const std::string& path) {
  struct stat status {};
  EXPECT_EQ(stat(path.c_str(), &status), 0) << path;
  return status;
}

inline mode_t mode_of(const std::string& path) { return status_of(path).st_mode & mode_t{07777}; }

/// What an error says; "" when there is none.
template <class E = Error>
std::string error_of(const std::function<void()>& body) {
  try {
    body();
  } catch (const E& error) {
    return error.what();
  }
  return "";
}

/// Runs `body` in a process of its own. Returns its exit code; -1: a signal ended it.
inline int in_child(const std::function<int()>& body) {
  std::fflush(nullptr);  // or both would write what is buffered
  const pid_t child = fork();
  if (child == 0) {
    alarm(60);
    try {
      _exit(body());
    } catch (const std::exception& error) {
      std::cerr << error.what() << std::endl;
      _exit(99);
    }
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/// A folder of its own for each test.
class FileTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() / ("sluice_test_" + std::to_string(getpid()));
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }

  std::string path(const std::string& name) const { return (folder_ / name).string(); }
  void put(const std::string& name, const std::string& text) const { std::ofstream(path(name)) << text; }
  int files() const {
    return static_cast<int>(std::distance(fs::directory_iterator(folder_), fs::directory_iterator()));
  }

  fs::path folder_;
};

}  // namespace sluice::test
