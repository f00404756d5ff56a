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

/// Sends different numbers to different ones that look random (the finaliser of SplitMix64).
constexpr std::uint64_t mix(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

/// What is placed: an item, or several that share memory.
struct Block {
  int begin = 0, end = 0;  ///< alive in the sections [begin, end)
  std::size_t bytes = 0;   ///< at least 1
  std::size_t alignment = 1;
  std::size_t fixed = nowhere;  ///< its offset

  bool is_fixed() const { return fixed != nowhere; }
};

/// A packing problem with time cut into sections, few of them: of those between the moments at which something begins
/// or ends, only the ones whose live blocks are not all alive in a neighbour too.
struct Problem {
  std::vector<Block> blocks;
  int sections = 0;
  std::vector<int> block_of;         ///< by item; −1: takes no room
  std::vector<std::size_t> live;     ///< by section: bytes alive
  std::size_t common_alignment = 1;  ///< of all blocks; 0: they differ
  std::size_t most_padding = 0;      ///< of one block, behind its bytes up to the common alignment
  std::size_t lower_bound_bytes = 0;
  bool has_fixed = false;

  /// What a block keeps from others where all offsets have one alignment.
  std::size_t room(const Block& block) const {
    return common_alignment ? align_up(block.bytes, common_alignment) : block.bytes;
  }
};

/// Merges alias groups, checks, and cuts. Throws UsageError, naming the item by its index.
Problem make_problem(std::span<const PackingItem> items);

/// Offsets of the items from those of the blocks.
std::vector<std::size_t> item_offsets(const Problem& problem, std::span<const PackingItem> items,
                                      std::span<const std::size_t> block_offsets);

/// The end of the highest block.
std::size_t peak_of(const Problem& problem, std::span<const std::size_t> block_offsets);

}  // namespace sluice::packer
