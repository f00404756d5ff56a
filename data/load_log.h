#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace sluice {

/// A log of what a loader's thread copied, and when. The constructor allocates it for a number of entries; later
/// entries are dropped. One loader at a time writes it. Read it after that loader is destroyed.
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
