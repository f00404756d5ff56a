#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include <sluice/data/loader.h>

namespace sluice {

/// Which samples of which epoch.
struct Range {
  std::uint64_t epoch = 0;
  std::int64_t first = 0;
  std::int64_t count = 0;
  friend bool operator==(const Range&, const Range&) = default;
};

/// Keeps the incoming staging one micro-batch ahead of the replays.
class Feeder {
 public:
  /// `incoming`: where each field of the data set goes; null: nobody reads the field.
  Feeder(const Dataset& dataset, LoaderOptions options, std::vector<std::byte*> incoming)
      : loader_(dataset, options),
        incoming_(std::move(incoming)) {}

  /// Blocks until `range` is in the incoming staging. Throws DataError.
  void take(const Range& range) {
    if (coming_ != range) {
      loader_.wait();  // for something that is not wanted after all
      coming_.reset();
      prefetch(range);
    }
    coming_.reset();
    loader_.wait();
  }
  /// Seconds that take() has blocked: what the loader could not hide behind the computation.
  double waited_s() const { return loader_.waited_s(); }
  /// Starts to fill the incoming staging, whose present content is no longer needed.
  void prefetch(const Range& range) {
    loader_.request(range.epoch, range.first, range.count, incoming_);
    coming_ = range;
  }

 private:
  Loader loader_;
  std::vector<std::byte*> incoming_;
  std::optional<Range> coming_;
};

}  // namespace sluice
