#pragma once

#include <bit>
#include <cmath>
#include <cstdint>

namespace sluice::cpu {

/// e^x for float loops that are to vectorise, which calls of the C library prevent: a polynomial without branches.
///
/// Relative error at most 2e-7; results below the normal range are off by at most one more unit of the smallest number.
/// Overflows to infinity, underflows to 0, passes NaN.
struct Exp {
  [[gnu::always_inline]] float operator()(float x) const {
    // e^x = 2^n · e^r with |r| <= ln 2 / 2. Past these ends the result is infinite, or 0, already. (One choice, not
    // two: gcc would make jumps of two.)
    const float clamped = std::abs(x) > 104.0f ? std::copysign(104.0f, x) : x;
    // Adding 1.5 · 2^23 leaves no bits behind the point: a rounding, and n stands in the low bits of the sum.
    constexpr float rounder = 12582912.0f;
    const float sum = clamped * 1.44269504f + rounder;
    const float n = sum - rounder;
    // ln 2 in two parts, the first of so few bits that n times it is exact.
    const float r = (clamped - n * 0.693359375f) + n * 2.12194440e-4f;
    // e^r = 1 + r + r² · q(r), q fitted for the least greatest relative error of the whole: 3e-9.
    float q = 0.00138145398f;
    q = q * r + 0.0083687451f;
    q = q * r + 0.0416683908f;
    q = q * r + 0.166665204f;
    q = q * r + 0.499999934f;
    const float power = (q * r * r + r) + 1.0f;
    // 2^n in two factors: n goes to ±150, the exponents of floats to −126 and 127.
    const auto whole = static_cast<std::int32_t>(std::bit_cast<std::uint32_t>(sum) - 0x4B400000u);
    const std::int32_t half = whole >> 1;
    return power * power_of_two(half) * power_of_two(whole - half);
  }

 private:
  [[gnu::always_inline]] static float power_of_two(std::int32_t n) {
    return std::bit_cast<float>((static_cast<std::uint32_t>(n) + 127u) << 23);
  }
};

}  // namespace sluice::cpu
