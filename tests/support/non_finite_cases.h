#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <ostream>
#include <set>
#include <span>
#include <string>
#include <vector>

#include <sluice/core/graph.h>
#include <sluice/core/tensor.h>

namespace sluice::test {

/// One input of an op that is attacked with NaN and infinities.
struct AttackedInput {
  enum class Kind : std::uint8_t { any, positive, labels };

  std::string name;
  Shape shape;  ///< per sample, or the whole shape of a batch value
  Scope scope = Scope::sample;
  Kind kind = Kind::any;
  std::int64_t classes = 0;  ///< of labels
  bool differentiable = true;
};

/// How far the devices, and PyTorch, need not agree about an infinity: a formula decides where it meets inf − inf. NaN
/// they agree about.
enum class Infinities : std::uint8_t {
  stay,         ///< the same one everywhere
  may_be_nan,   ///< what is not finite is so everywhere
  may_be_lost,  ///< the same, and a relu behind makes 0 of −infinity and not of NaN: where it is 0 it may be NaN
};

/// An op, its gradient, and which kernels that attacks.
struct NonFiniteCase {
  std::string name;
  std::vector<std::string> attacks;  ///< op types of the library
  /// For a number of channels: 3 where PyTorch is the oracle, on a device 20, which no block of channels divides.
  std::function<std::vector<AttackedInput>(std::int64_t channels)> inputs;
  std::function<Var(std::span<const Var>)> build;
  Infinities infinities = Infinities::stay;
  /// Where a library multiplies weights with the zeros around an image, a whole map is NaN of which the reference has
  /// some elements finite. Extents of the tiles of a map that are NaN together; 0: the whole map. Empty: none.
  std::optional<std::int64_t> spread = {};
  /// Inputs whose NaN goes further than in PyTorch.
  std::set<std::string> goes_further = {};
  std::int64_t samples = 2;

  friend void PrintTo(const NonFiniteCase& test, std::ostream* out) { *out << test.name; }
};

/// All of them. An op of the library that none attacks fails NonFiniteCases.AttackEveryOp.
const std::vector<NonFiniteCase>& non_finite_cases();

/// The value of input `k` before the attack: small finite numbers that make_non_finite_goldens.py makes alike.
Tensor attacked_value(const AttackedInput& input, std::size_t k, std::int64_t samples);

}  // namespace sluice::test
