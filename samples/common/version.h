#pragma once

#include <string>
#include <utility>
#include <vector>

namespace sluice::samples {

/// How this program was made: Sluice's version, the compiler and the build type, each with its name.
std::vector<std::pair<std::string, std::string>> build_rows();

/// What --version prints: "train_cifar10 0.1.0", the compiler, the build type, and a line for each kind of device that
/// describes it or says why it cannot be used here.
std::string version_text(const std::string& program);

}  // namespace sluice::samples
