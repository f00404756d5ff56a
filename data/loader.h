#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <mutex>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include <sluice/core/op.h>
#include <sluice/data/dataset.h>
#include <sluice/data/load_log.h>

namespace sluice {

/// The integers that a field may contain (see IntegerRange). `reader`: name of the op that requires it, for the error.
struct FieldCheck {
  std::size_t field = 0;  ///< of the data set's spec; i32 or u8
  IntegerRange range;
  std::string reader;
};

/// Options of a Loader: which samples it streams, and in which order.
struct LoaderOptions {
  std::uint64_t seed = 0;
  bool shuffle = true;                  ///< another order every epoch, given by (seed, epoch); otherwise by index
  std::int64_t samples = 0;             ///< use only the first samples of the data set; 0: all
  LoadLog* log = nullptr;               ///< logs the copies; must outlive the loader; null: none
  std::vector<FieldCheck> checks = {};  ///< checks of every sample that is read
};

/// Streams micro-batches from a data set into staging, from one thread of its own, so that the next
/// one is copied while the current one computes. What a position of an epoch holds depends on
/// (seed, epoch, position) alone, so epochs and positions may be requested in any order and more than
/// once. Never holds a batch itself; allocates nothing after construction.
///
///   loader.request(epoch, 0, n, next);
///   for (i = n; i < samples; i += n) {
///     loader.wait();
///     std::swap(current, next);
///     loader.request(epoch, i, n, next);  // fills `next` while compute() works
///     compute(current);
///   }
///
/// All members are for one user thread; the loader's own thread is not visible outside.
class Loader {
 public:
  /// `dataset` must outlive the loader, and its read() is called from the loader's thread only
  /// while a request is outstanding. Throws UsageError when options.samples is negative or more
  /// than the data set has, or the data set is empty.
  explicit Loader(const Dataset& dataset, LoaderOptions options = {});
  /// Abandons a request that is still running; its memory is not written any more afterwards.
  ~Loader();
  Loader(const Loader&) = delete;
  Loader& operator=(const Loader&) = delete;

  /// Samples of an epoch.
  std::int64_t samples() const { return samples_; }
  /// Index in the data set of the sample at `position` of `epoch`. Throws UsageError unless 0 <=
  /// position < samples().
  std::int64_t index_of(std::uint64_t epoch, std::int64_t position) const;

  /// Starts to write `count` samples, from position `first` of `epoch` on: field f of the data
  /// set's spec goes to fields[f], sample after sample, count * sample_bytes() bytes. A null
  /// pointer leaves its field out, unchecked. The memory (not the span) must stay valid until wait() returns
  /// or the loader is destroyed. Throws UsageError when another request is outstanding, the range
  /// is empty or leaves the epoch, or fields has another length than the spec.
  void request(std::uint64_t epoch, std::int64_t first, std::int64_t count, std::span<std::byte* const> fields);
  /// Waits until the outstanding request is done; returns at once if there is none. Throws the error of
  /// the data set, as a DataError that names the sample, and a DataError for a number that fails a
  /// check. The request is then over, its memory half written, and the loader is ready for another.
  void wait();

  /// Seconds for which wait() has blocked since construction.
  double waited_s() const { return waited_s_; }

 private:
  struct Field {
    std::size_t sample_bytes;
    std::byte* to;
  };
  enum class State : std::uint8_t { idle, requested, done };

  void run();  // the thread
  void load();
  void check(std::int64_t index, std::int64_t position, std::size_t sample) const;

  const Dataset& dataset_;
  const LoaderOptions options_;
  std::int64_t samples_;
  double waited_s_ = 0;

  // The request: written by the user while idle, read by the thread while requested.
  std::uint64_t epoch_ = 0;
  std::int64_t first_ = 0, count_ = 0;
  std::vector<Field> fields_;
  std::exception_ptr error_;  // of the last request

  std::mutex mutex_;  // guards state_
  std::condition_variable changed_;
  State state_ = State::idle;
  std::atomic<bool> stop_ = false;
  std::thread thread_;  // last: it uses all the others
};

}  // namespace sluice
