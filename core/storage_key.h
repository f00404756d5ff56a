#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

namespace sluice {

/// What a storage holds.
enum class StorageKind : std::uint8_t {
  parameter,  ///< a parameter or buffer
  state,      ///< an optimizer's tensor beside a parameter
  scalar,     ///< a number that the host sets before every step
  constant,   ///< the same number in every element
  input,      ///< a field of the data set, as replays read it
  incoming,   ///< the same field, as the loader writes it
  counters,   ///< where the run is, on devices that keep that themselves
  result,     ///< a batch value of a graph
  kept,       ///< a sample value of a graph, kept for a later stage
  reordered,  ///< a batch value in another layout
};
std::string_view name(StorageKind kind);

/// Names a storage of a run: the same for every run of the same model, step and device, so files can refer to it.
struct StorageKey {
  StorageKind kind = StorageKind::result;
  /// Of the parameter (state: it belongs to), scalar or field; constant: its spec; result and kept: of the graph;
  /// reordered: the text of the key of what it is a copy of.
  std::string name = {};
  std::string detail = {};  ///< state: its name; constant: its bits; reordered: the layout
  /// result and kept: the ValueId. parameter and state: 0, or for one of several parameters of one name, the how
  /// many-th.
  int number = 0;

  friend auto operator<=>(const StorageKey&, const StorageKey&) = default;

  /// "state/features.0.weight/velocity/0": one line, without spaces; other characters than letters, digits, '.', '_'
  /// and '-' are written as '%' and two hexadecimal digits.
  std::string str() const;
  /// The key with this text. Throws DataError for a text that str() does not give.
  static StorageKey parse(std::string_view text);
};

}  // namespace sluice
