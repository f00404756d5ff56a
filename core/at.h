#pragma once

#include <cstddef>
#include <cstdint>

namespace sluice {

/// An index or a count as the containers of the standard library want it. `i` is not negative.
constexpr std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

}  // namespace sluice
