#pragma once

#include <cstddef>

namespace sluice {

/// Resident memory of this process, bytes: now (0 where /proc is absent) and at its highest.
std::size_t resident_bytes();
std::size_t peak_resident_bytes();

}  // namespace sluice
