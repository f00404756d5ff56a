#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>

namespace sluice {

/// The use of a byte. Every planned byte has one category and one layer.
enum class Category : std::uint8_t {
  parameter,
  gradient,
  optimizer,
  buffer,
  batch,
  derived,
  staging,
  activation,
  workspace,
  loader,
  count
};

/// The part of the slab that holds a category.
enum class Region : std::uint8_t { persistent, derived, staging, arena, count };

std::string_view name(Category category);
std::string_view name(Region region);
Region region_of(Category category);

/// Planned and measured bytes by (category, layer).
class Ledger {
 public:
  /// Bytes of one category and layer.
  struct Entry {
    std::size_t planned_bytes = 0;
    std::size_t measured_bytes = 0;
  };
  using Rows = std::map<std::pair<Category, std::string>, Entry>;

  void plan(Category category, const std::string& layer, std::size_t bytes) {
    rows_[{category, layer}].planned_bytes += bytes;
  }
  void measure(Category category, const std::string& layer, std::size_t bytes) {
    rows_[{category, layer}].measured_bytes += bytes;
  }

  const Rows& rows() const { return rows_; }
  Entry total(Category category) const;

 private:
  Rows rows_;
};

}  // namespace sluice
