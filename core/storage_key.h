#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

namespace sluice {

/// The kind of value that a storage holds.
enum class StorageKind : std::uint8_t {
  parameter,  ///< a parameter or buffer
  state,      ///< an optimizer's tensor beside a parameter
  scalar,     ///< a number that the host sets before every step
  constant,   ///< a constant of the graph: the same number in every element
  input,      ///< a field of the data set that replays read
  incoming,   ///< the field of the next micro-batch, which the loader writes
  counters,   ///< RunCounters, on devices that have them in their memory
  result,     ///< a batch value of a graph
  kept,       ///< a sample value of a graph that is stored for a later stage
  reordered,  ///< a batch value in another layout
};
std::string_view name(StorageKind kind);

/// The name of a storage of a run. It is the same in every run of the same model, step and device, so files can refer
/// to it.
struct StorageKey {
  StorageKind kind = StorageKind::result;
  /// parameter, scalar, input, incoming: its name. state: the name of the parameter. constant: its spec. result, kept:
  /// the name of the graph. reordered: the text of the key of the source.
  std::string name = {};
  std::string detail = {};  ///< state: its name; constant: its bits; reordered: the layout
  /// result and kept: the ValueId. parameter and state: a counter from 0 for parameters of the same name.
  int number = 0;

  friend auto operator<=>(const StorageKey&, const StorageKey&) = default;

  /// "state/features.0.weight/velocity/0": one line, without spaces; other characters than letters, digits, '.', '_'
  /// and '-' are written as '%' and two hexadecimal digits.
  std::string str() const;
  /// The key with this text. Throws DataError for a text that str() does not give.
  static StorageKey parse(std::string_view text);
};

}  // namespace sluice
