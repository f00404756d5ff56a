#pragma once

#include <cstddef>
#include <cstdint>

namespace sluice::cuda {

/// What libraries want their workspaces aligned to; places in the arena are aligned to less.
inline constexpr std::size_t library_alignment = 256;

/// Bytes to plan so that `bytes` are left wherever they are aligned.
constexpr std::size_t with_alignment(std::size_t bytes) { return bytes ? bytes + library_alignment : 0; }

inline void* align_workspace(void* data) {
  const auto address = reinterpret_cast<std::uintptr_t>(data);
  return static_cast<std::byte*>(data) + (library_alignment - address % library_alignment) % library_alignment;
}

}  // namespace sluice::cuda
