#pragma once

#include <cstdint>

namespace sluice {

/// The order of one epoch: a permutation of 0..size-1 that is a function of (seed, epoch) alone and
/// is evaluated at single positions, without a table. A generalised Feistel network with cycle
/// walking (Black & Rogaway, "Ciphers with Arbitrary Finite Domains", CT-RSA 2002), its round
/// function Philox. Allocates nothing; costs eight Philox blocks a position.
class Permutation {
 public:
  /// Throws UsageError for a size below 1.
  Permutation(std::int64_t size, std::uint64_t seed, std::uint64_t epoch);

  std::int64_t size() const { return size_; }
  /// What stands at `position`. Throws UsageError unless 0 <= position < size().
  std::int64_t operator()(std::int64_t position) const;

 private:
  std::uint64_t encipher(std::uint64_t value) const;

  std::int64_t size_;
  std::uint64_t seed_, epoch_;
  std::uint64_t left_, right_;  // left * right >= size: the grid the network permutes
};

}  // namespace sluice
