#pragma once

#include <cstdint>

#include <sluice/core/host_device.h>

namespace sluice {

/// Philox4x32-10 (Salmon et al., "Parallel Random Numbers: As Easy as 1, 2, 3", SC 2011): a counter-based generator.
/// The same counter and key give the same four words everywhere, in any order, on any thread or device.
struct Philox {
  /// Four random words; also the counter they come from.
  struct Block {
    std::uint32_t v[4];
  };

  SLUICE_HOST_DEVICE static Block generate(Block counter, std::uint32_t key0, std::uint32_t key1) {
    for (int round = 0; round < 10; ++round) {
      const std::uint64_t p0 = std::uint64_t{0xD2511F53u} * counter.v[0];
      const std::uint64_t p1 = std::uint64_t{0xCD9E8D57u} * counter.v[2];
      counter = Block{{static_cast<std::uint32_t>(p1 >> 32) ^ counter.v[1] ^ key0, static_cast<std::uint32_t>(p1),
                       static_cast<std::uint32_t>(p0 >> 32) ^ counter.v[3] ^ key1, static_cast<std::uint32_t>(p0)}};
      key0 += 0x9E3779B9u;
      key1 += 0xBB67AE85u;
    }
    return counter;
  }

  /// The stream of one op for one sample: four words number `block`, keyed by seed, step, op and position in the batch.
  SLUICE_HOST_DEVICE static Block at(std::uint64_t seed, std::uint64_t step, std::uint32_t op, std::uint32_t position,
                                     std::uint32_t block) {
    return generate(Block{{block, position, static_cast<std::uint32_t>(step), op}}, static_cast<std::uint32_t>(seed),
                    static_cast<std::uint32_t>(seed >> 32));
  }

  /// Uniform in [0, 1) with 24 bits.
  SLUICE_HOST_DEVICE static float uniform(std::uint32_t word) {
    return static_cast<float>(word >> 8) * (1.0f / 16777216.0f);
  }
};

}  // namespace sluice
