#pragma once

#include <sluice/sluice.h>

namespace consumer {

/// Images made as they are read: noisy stripes in one of four directions; and which one, as one number a direction.
/// Fields: "image" u8 [1,16,16], "direction" f32 [4].
class Stripes final : public sluice::Dataset {
 public:
  explicit Stripes(std::int64_t samples)
      : spec_{
            .name = "stripes",
            .samples = samples,
            .fields = {
                {.name = "image", .shape = {1, size, size}, .dtype = sluice::DType::u8, .mean = {0.5f}, .std = {0.25f}},
                {.name = "direction", .shape = {4}}}} {}

  const sluice::DataSpec& spec() const override { return spec_; }

  void read(std::int64_t index, std::size_t field, void* to) const override {
    const auto direction = static_cast<std::size_t>(index % 4);
    if (field == 1) {
      auto* one_hot = static_cast<float*>(to);
      for (std::size_t i = 0; i < 4; ++i) one_hot[i] = i == direction ? 1.0f : 0.0f;
      return;
    }
    constexpr int across[4][2] = {{1, 0}, {0, 1}, {1, 1}, {1, -1}};
    auto* pixels = static_cast<std::uint8_t*>(to);
    auto random = static_cast<std::uint32_t>(index) * 2654435761u;  // the same image whenever it is read
    const int phase = static_cast<int>(random >> 30);
    for (int y = 0; y < size; ++y)
      for (int x = 0; x < size; ++x) {
        random = random * 1664525u + 1013904223u;
        const bool bright = ((y * across[direction][0] + x * across[direction][1] + phase + size) / 2) % 2 == 0;
        *pixels++ = static_cast<std::uint8_t>((bright ? 120 : 40) + (random >> 25));
      }
  }

 private:
  static constexpr int size = 16;

  sluice::DataSpec spec_;
};

}  // namespace consumer
