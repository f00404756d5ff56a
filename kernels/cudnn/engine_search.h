#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include <sluice/kernels/cudnn/convolution.h>
#include <sluice/kernels/cudnn/engine.h>

namespace sluice::cudnn {

class Library;

/// Which of the configurations that may be taken find_engines() is to find.
enum class Wanted : std::uint8_t {
  first_within_any_cap,  ///< those that need less workspace than all before them
  worth_timing,          ///< and the first few whatever they need
};

/// What cuDNN's heuristics offer for the convolution, in their order, as far as it is deterministic and of the
/// precision. Throws BackendError naming op, shape, dtype and what was tried when there is none; for a convolution with
/// a relu that is no error, because only those that do it all in one pass are looked for.
std::vector<Engine> find_engines(Library& library, std::string_view op, const Convolution& convolution, Wanted wanted);

}  // namespace sluice::cudnn
