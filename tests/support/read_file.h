#pragma once

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace sluice::test {

inline std::string read_file(const std::filesystem::path& path) {
  std::ifstream stream(path);
  return {std::istreambuf_iterator<char>(stream), {}};
}

}  // namespace sluice::test
