#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include <sluice/mbp/pack/item.h>

namespace sluice::packer {

inline constexpr std::size_t nowhere = std::numeric_limits<std::size_t>::max();

/// The next multiple of `alignment`.
constexpr std::size_t align_up(std::size_t offset, std::size_t alignment) {
  const std::size_t over = offset % alignment;
  return over ? offset + (alignment - over) : offset;
}

/// Hashes a number; different numbers have different hashes (the finaliser of SplitMix64).
constexpr std::uint64_t mix(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

/// The unit of placement: an item, or several items that share memory.
struct Block {
  int begin = 0, end = 0;  ///< alive in the sections [begin, end)
  std::size_t bytes = 0;   ///< at least 1
  std::size_t alignment = 1;
  std::size_t fixed = nowhere;  ///< its fixed offset; `nowhere`: none

  bool is_fixed() const { return fixed != nowhere; }
};

/// A packing problem whose time is cut into sections at the moments at which items begin or end. A section stays only
/// if its live blocks are not all alive in a neighbouring section.
struct Problem {
  std::vector<Block> blocks;
  int sections = 0;
  std::vector<int> block_of;         ///< by item; −1: the item takes no memory
  std::vector<std::size_t> live;     ///< by section: bytes alive
  std::size_t common_alignment = 1;  ///< of all blocks; 0: they differ
  std::size_t most_padding = 0;      ///< the largest padding of a block up to the common alignment
  std::size_t lower_bound_bytes = 0;
  bool has_fixed = false;

  /// Bytes of a block, with padding if all blocks have one alignment.
  std::size_t room(const Block& block) const {
    return common_alignment ? align_up(block.bytes, common_alignment) : block.bytes;
  }
};

/// Makes the problem: checks the items, merges alias groups and cuts time into sections. Throws UsageError naming the
/// item by its index.
Problem make_problem(std::span<const PackingItem> items);

/// Returns the offsets of the items, given those of the blocks.
std::vector<std::size_t> item_offsets(const Problem& problem, std::span<const PackingItem> items,
                                      std::span<const std::size_t> block_offsets);

/// Returns the end of the highest block.
std::size_t peak_of(const Problem& problem, std::span<const std::size_t> block_offsets);

}  // namespace sluice::packer
