#pragma once

#include <utility>

#include <sluice/core/device.h>

namespace sluice {

/// A precision of the device while it lives; then the one it had.
class PrecisionScope {
 public:
  PrecisionScope(Backend& backend, Precision precision) : backend_(backend), before_(backend.precision()) {
    backend_.set_precision(precision);
  }
  ~PrecisionScope() { backend_.set_precision(before_); }
  PrecisionScope(const PrecisionScope&) = delete;
  PrecisionScope& operator=(const PrecisionScope&) = delete;

 private:
  Backend& backend_;
  Precision before_;
};

/// Returns what `work()` returns. It plans or runs with these threads (Backend::with_threads) and this precision,
/// whatever other runs of the process have.
template <class Work>
std::invoke_result_t<Work&> with_run_settings(Backend& backend, int threads, Precision precision, Work&& work) {
  return backend.with_threads(threads, [&] {
    const PrecisionScope scope(backend, precision);
    return work();
  });
}

}  // namespace sluice
