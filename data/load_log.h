#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace sluice {

/// When a loader's thread copied what. Holds as many entries as it was made for and allocates nothing afterwards; what
/// comes later is left out. Written by one loader at a time; read it when that loader is gone.
class LoadLog {
 public:
  using Clock = std::chrono::steady_clock;
  /// One request: what was copied, and when.
  struct Entry {
    std::uint64_t epoch = 0;
    std::int64_t first = 0, count = 0;  ///< positions
    Clock::time_point begin = {}, end = {};
  };

  explicit LoadLog(std::size_t capacity) { entries_.reserve(capacity); }

  void add(const Entry& entry) {
    if (entries_.size() < entries_.capacity()) entries_.push_back(entry);
  }
  const std::vector<Entry>& entries() const { return entries_; }

 private:
  std::vector<Entry> entries_;
};

}  // namespace sluice
