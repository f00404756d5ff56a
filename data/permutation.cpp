#include <sluice/data/permutation.h>

#include <cmath>
#include <string>

#include <sluice/core/error.h>
#include <sluice/core/philox.h>

namespace sluice {
namespace {

constexpr std::uint32_t rounds = 8;
constexpr std::uint32_t stream = 0x53485546;  // keeps these numbers apart from the ops' under the same seed

std::uint64_t ceil_sqrt(std::uint64_t value) {
  auto root = static_cast<std::uint64_t>(std::sqrt(static_cast<double>(value)));
  while (root > 1 && (root - 1) * (root - 1) >= value) --root;
  while (root * root < value) ++root;
  return root;
}

}  // namespace

Permutation::Permutation(std::int64_t size, std::uint64_t seed, std::uint64_t epoch)
    : size_(size),
      seed_(seed),
      epoch_(epoch) {
  if (size < 1) throw UsageError("permutation: size; got " + std::to_string(size) + "; expected >= 1");
  // As square as possible: left * right - size < left, so a walk of more than one step is rare.
  const auto n = static_cast<std::uint64_t>(size);
  left_ = ceil_sqrt(n);
  right_ = (n + left_ - 1) / left_;
}

std::int64_t Permutation::operator()(std::int64_t position) const {
  if (position < 0 || position >= size_)
    throw UsageError("permutation: position; got " + std::to_string(position) + "; expected 0 <= position < " +
                     std::to_string(size_));
  // Walking a cycle of the grid's permutation until it is back inside is a permutation of the
  // inside.
  std::uint64_t value = static_cast<std::uint64_t>(position);
  do value = encipher(value);
  while (value >= static_cast<std::uint64_t>(size_));
  return static_cast<std::int64_t>(value);
}

std::uint64_t Permutation::encipher(std::uint64_t value) const {
  std::uint64_t half[2] = {value / right_, value % right_};
  const std::uint64_t extent[2] = {left_, right_};
  for (std::uint32_t round = 0; round < rounds; ++round) {
    const std::uint32_t changed = round % 2;
    // left <= 2^31.5, so a half fits one word.
    const Philox::Block block =
        Philox::generate({{static_cast<std::uint32_t>(half[1 - changed]), round, static_cast<std::uint32_t>(epoch_),
                           static_cast<std::uint32_t>(epoch_ >> 32)}},
                         static_cast<std::uint32_t>(seed_), static_cast<std::uint32_t>(seed_ >> 32) ^ stream);
    const std::uint64_t random = std::uint64_t{block.v[0]} << 32 | block.v[1];
    half[changed] = (half[changed] + random % extent[changed]) % extent[changed];
  }
  return half[0] * right_ + half[1];
}

}  // namespace sluice
