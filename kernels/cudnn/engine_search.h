#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include <sluice/kernels/cudnn/convolution.h>
#include <sluice/kernels/cudnn/engine.h>

namespace sluice::cudnn {

class Library;

/// Which of the permitted configurations find_engines() returns.
enum class Wanted : std::uint8_t {
  first_within_any_cap,  ///< those that need less workspace than all before them
  worth_timing,          ///< also the first few, whatever workspace they need
};

/// Returns the engines that cuDNN's heuristics offer for the convolution, in their order, if they are deterministic and
/// have the precision. Throws BackendError naming op, shape, dtype and the attempts if there is none. For a convolution
/// with a relu an empty list is no error, because only engines that do both in one pass are permitted.
std::vector<Engine> find_engines(Library& library, std::string_view op, const Convolution& convolution, Wanted wanted);

}  // namespace sluice::cudnn
