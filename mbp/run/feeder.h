#pragma once

#include <cstddef>
#include <exception>
#include <optional>
#include <utility>
#include <vector>

#include <sluice/core/device.h>
#include <sluice/core/error.h>
#include <sluice/data/loader.h>

namespace sluice {

/// Which samples of which epoch.
struct Range {
  std::uint64_t epoch = 0;
  std::int64_t first = 0;
  std::int64_t count = 0;
  friend bool operator==(const Range&, const Range&) = default;
};

/// Where a micro-batch arrives on the device.
struct Incoming {
  /// A field of the data set.
  struct Field {
    std::byte* device = nullptr;  ///< null: nobody reads the field
    std::size_t sample_bytes = 0;
    std::size_t slot_offset = 0;  ///< where the uploader's slots keep it
  };
  std::vector<Field> fields;
  Uploader* uploader = nullptr;  ///< null: the loader writes device memory itself
};

/// Keeps the incoming staging one micro-batch ahead of the replays.
class Feeder {
 public:
  Feeder(const Dataset& dataset, LoaderOptions options, Incoming incoming)
      : loader_(dataset, options),
        incoming_(std::move(incoming)),
        to_(incoming_.fields.size()) {}

  /// Returns when `range` is in the incoming staging, or is on its way there before the next kernels. Throws DataError.
  void take(const Range& range) {
    if (coming_ != range) {
      drop_coming();
      prefetch(range);
    }
    coming_.reset();
    if (const std::exception_ptr error = std::exchange(error_, nullptr)) std::rethrow_exception(error);
    loader_.wait();
    if (incoming_.uploader) upload(range.count);
  }
  /// Returns when nobody reads the data set any more: what was read ahead is in the staging. An error of that is thrown
  /// when somebody wants it.
  void settle() {
    try {
      loader_.wait();
    } catch (const DataError&) {
      error_ = std::current_exception();
    }
  }
  /// Forgets what was read ahead, because the staging is written by somebody else.
  void forget() { drop_coming(); }
  /// In the data set, of the sample at `position` of `epoch`.
  std::int64_t index_of(std::uint64_t epoch, std::int64_t position) const { return loader_.index_of(epoch, position); }
  /// Seconds that take() has blocked: what the loader could not hide behind the computation.
  double waited_s() const { return loader_.waited_s(); }
  /// Starts to fill the incoming staging, whose present content the kernels so far are the last to need.
  void prefetch(const Range& range) {
    if (incoming_.uploader) {
      incoming_.uploader->release();
      slot_ = 1 - slot_;
    }
    std::byte* const slot = incoming_.uploader ? incoming_.uploader->slot(slot_) : nullptr;
    for (std::size_t f = 0; f < to_.size(); ++f) {
      const Incoming::Field& field = incoming_.fields[f];
      to_[f] = field.device && slot ? slot + field.slot_offset : field.device;
    }
    loader_.request(range.epoch, range.first, range.count, to_);
    coming_ = range;
  }

 private:
  /// Waits for what is not wanted after all; its error is thrown when somebody wants it.
  void drop_coming() {
    coming_.reset();
    error_ = nullptr;
    try {
      loader_.wait();
    } catch (const DataError&) {
    }
  }

  void upload(std::int64_t samples) {
    for (const Incoming::Field& field : incoming_.fields)
      if (field.device)
        incoming_.uploader->send(slot_, field.slot_offset, field.device,
                                 field.sample_bytes * static_cast<std::size_t>(samples));
    incoming_.uploader->arrive(slot_);
  }

  Loader loader_;
  Incoming incoming_;
  std::vector<std::byte*> to_;  // of the request
  int slot_ = 0;
  std::optional<Range> coming_;
  std::exception_ptr error_;  // of what is coming
};

}  // namespace sluice
