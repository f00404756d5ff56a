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

/// A range of samples of an epoch.
struct Range {
  std::uint64_t epoch = 0;
  std::int64_t first = 0;
  std::int64_t count = 0;
  friend bool operator==(const Range&, const Range&) = default;
};

/// Where the fields of a micro-batch are written on the device.
struct Incoming {
  /// A field of the data set.
  struct Field {
    std::byte* device = nullptr;  ///< null: no kernel reads the field
    std::size_t sample_bytes = 0;
    std::size_t slot_offset = 0;  ///< its offset in a slot of the uploader
  };
  std::vector<Field> fields;
  Uploader* uploader = nullptr;  ///< null: the loader writes device memory itself
};

/// Reads ahead: fills the `incoming` staging with the next micro-batch while the current one is computed.
class Feeder {
 public:
  Feeder(const Dataset& dataset, LoaderOptions options, Incoming incoming)
      : loader_(dataset, std::move(options)),
        incoming_(std::move(incoming)),
        to_(incoming_.fields.size()) {}

  /// Waits until `range` is in the staging, or until its copy is enqueued before the next kernels. Throws DataError.
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
  /// Waits until reading ahead has ended, so that the data set is not read any more. take() throws an error of this
  /// reading.
  void settle() {
    try {
      loader_.wait();
    } catch (const DataError&) {
      error_ = std::current_exception();
    }
  }
  /// Discards what was read ahead. Call it before other code writes the staging.
  void forget() { drop_coming(); }
  /// Returns the index in the data set of the sample at `position` of `epoch`.
  std::int64_t index_of(std::uint64_t epoch, std::int64_t position) const { return loader_.index_of(epoch, position); }
  /// Seconds for which take() has waited for the loader.
  double waited_s() const { return loader_.waited_s(); }
  /// Starts to fill the staging. No kernel after the ones enqueued so far may read its present content.
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
  /// Waits for a request whose result is not needed, and drops its error.
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
  std::vector<std::byte*> to_;  // destinations of the request, by field
  int slot_ = 0;
  std::optional<Range> coming_;
  std::exception_ptr error_;  // error of reading coming_
};

}  // namespace sluice
