#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <limits>

namespace sluice::packer {

/// A budget of operations, in units of about a microsecond.
class Effort {
 public:
  static constexpr std::int64_t endless = std::numeric_limits<std::int64_t>::max() / 2;

  /// `more` is called now and then. When it returns false, the effort is spent.
  explicit Effort(std::int64_t most, std::function<bool()> more = {}) : left_(most), more_(std::move(more)) {}

  /// Spends `units`. Returns false when nothing is left.
  bool spend(std::int64_t units) {
    left_ -= units;
    since_asked_ += units;
    if (more_ && since_asked_ >= 1000) {
      since_asked_ = 0;
      stopped_ = stopped_ || !more_();
      if (stopped_) left_ = 0;
    }
    return left_ > 0;
  }
  bool spent() const { return left_ <= 0; }
  std::int64_t left() const { return left_; }

  /// Runs `body` with at most `units` of this effort; returns what it returns.
  template <class Body>
  auto part(std::int64_t units, Body body) {
    const std::int64_t reserved = std::max<std::int64_t>(0, left_ - units);
    left_ -= reserved;
    auto result = body();
    left_ = stopped_ ? 0 : left_ + reserved;
    return result;
  }

 private:
  std::int64_t left_, since_asked_ = 0;
  bool stopped_ = false;  ///< more_ has returned false
  std::function<bool()> more_;
};

}  // namespace sluice::packer
