#include <sluice/data/loader.h>

#include <chrono>
#include <cstring>
#include <string>
#include <system_error>
#include <utility>

#include <sluice/core/error.h>
#include <sluice/core/text.h>
#include <sluice/data/permutation.h>

namespace sluice {
namespace {

std::int64_t samples_of(const Dataset& dataset, const LoaderOptions& options) {
  const DataSpec& spec = dataset.spec();
  if (spec.samples < 1 || options.samples < 0 || options.samples > spec.samples)
    throw UsageError("loader: number of samples; got " + std::to_string(options.samples) + " of " +
                     std::to_string(spec.samples) + " in '" + spec.name +
                     "'; expected at least one, at most all (0: all)");
  return options.samples > 0 ? options.samples : spec.samples;
}

std::int64_t integer_at(const std::byte* values, DType dtype, std::int64_t i) {
  if (dtype == DType::u8) return std::to_integer<std::int64_t>(values[i]);
  std::int32_t number = 0;
  std::memcpy(&number, values + static_cast<std::size_t>(i) * sizeof(number), sizeof(number));
  return number;
}

}  // namespace

Loader::Loader(const Dataset& dataset, LoaderOptions options)
    : dataset_(dataset),
      options_(std::move(options)),
      samples_(samples_of(dataset, options_)) {
  for (const FieldSpec& field : dataset.spec().fields) fields_.push_back({field.sample_bytes(), nullptr});
  try {
    thread_ = std::thread(&Loader::run, this);
  } catch (const std::system_error& error) {
    throw Error("loader: cannot start a thread; got '" + error.code().message() +
                "'; expected room for it in the limits on processes (ulimit -u) and on memory (ulimit -v)");
  }
}

Loader::~Loader() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

std::int64_t Loader::index_of(std::uint64_t epoch, std::int64_t position) const {
  const Permutation order(samples_, options_.seed, epoch);
  const std::int64_t shuffled = order(position);  // also checks the position
  return options_.shuffle ? shuffled : position;
}

void Loader::request(std::uint64_t epoch, std::int64_t first, std::int64_t count, std::span<std::byte* const> fields) {
  if (first < 0 || count < 1 || first >= samples_ || count > samples_ - first)
    throw UsageError("loader: range of positions; got " + std::to_string(count) + " from " + std::to_string(first) +
                     "; expected at least one, inside an epoch of " + counted(samples_, "sample"));
  if (fields.size() != fields_.size())
    throw UsageError("loader: number of fields; got " + std::to_string(fields.size()) + "; expected the " +
                     std::to_string(fields_.size()) + " of '" + dataset_.spec().name + "'");
  {
    const std::lock_guard lock(mutex_);
    if (state_ != State::idle)
      throw UsageError("loader: request while another is outstanding; expected wait() in between");
    epoch_ = epoch;
    first_ = first;
    count_ = count;
    for (std::size_t i = 0; i < fields.size(); ++i) fields_[i].to = fields[i];
    state_ = State::requested;
  }
  changed_.notify_all();
}

void Loader::wait() {
  std::unique_lock lock(mutex_);
  if (state_ == State::idle) return;
  if (state_ == State::requested) {
    const auto start = std::chrono::steady_clock::now();
    changed_.wait(lock, [this] { return state_ == State::done; });
    waited_s_ += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  }
  state_ = State::idle;
  if (error_) std::rethrow_exception(std::exchange(error_, nullptr));
}

void Loader::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return stop_ || state_ == State::requested; });
    if (stop_) return;
    lock.unlock();
    std::exception_ptr error;
    try {
      const auto begin = LoadLog::Clock::now();
      load();
      if (options_.log) options_.log->add({epoch_, first_, count_, begin, LoadLog::Clock::now()});
    } catch (...) {
      error = std::current_exception();
    }
    lock.lock();
    error_ = std::move(error);
    state_ = State::done;
    changed_.notify_all();
  }
}

void Loader::load() {
  const Permutation order(samples_, options_.seed, epoch_);
  for (std::int64_t i = 0; i < count_ && !stop_; ++i) {
    const std::int64_t index = options_.shuffle ? order(first_ + i) : first_ + i;
    const auto fail = [&](const std::string& what) {
      throw DataError("loader: cannot read sample " + std::to_string(index) + " of '" + dataset_.spec().name +
                      "' (epoch " + std::to_string(epoch_) + ", position " + std::to_string(first_ + i) + "): " + what);
    };
    try {
      for (std::size_t f = 0; f < fields_.size(); ++f)
        if (fields_[f].to)
          dataset_.read(index, f, fields_[f].to + static_cast<std::size_t>(i) * fields_[f].sample_bytes);
    } catch (const std::exception& error) {
      fail(error.what());
    } catch (...) {
      fail("an exception of unknown type");
    }
    check(index, first_ + i, static_cast<std::size_t>(i));
  }
}

/// Of a sample that was read as number `sample` of the request.
void Loader::check(std::int64_t index, std::int64_t position, std::size_t sample) const {
  for (const FieldCheck& check : options_.checks) {
    const Field& field = fields_[check.field];
    if (!field.to) continue;
    const FieldSpec& spec = dataset_.spec().fields[check.field];
    const std::byte* const bytes = field.to + sample * field.sample_bytes;
    for (std::int64_t e = 0; e < spec.shape.elements(); ++e) {
      const std::int64_t number = integer_at(bytes, spec.dtype, e);
      if (check.range.holds(number)) continue;
      throw DataError("loader: field '" + spec.name + "' of sample " + std::to_string(index) + " of '" +
                      dataset_.spec().name + "' is out of range (epoch " + std::to_string(epoch_) + ", position " +
                      std::to_string(position) + (spec.shape.rank() ? ", element " + std::to_string(e) : "") +
                      "); got " + std::to_string(number) + "; expected " + check.range.str() + " (" + check.reader +
                      ")");
    }
  }
}

}  // namespace sluice
