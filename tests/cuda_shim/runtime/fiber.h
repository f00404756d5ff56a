#pragma once

#include "context.h"

namespace cuda_shim {

/// A stack with a function that is under way on it. One fiber runs at a time; the code that enters it gets control back
/// when the fiber leaves.
class Fiber {
 public:
  /// `body` is called at the first enter() and does not return.
  explicit Fiber(void (*body)());
  ~Fiber();
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;

  /// Goes on where the fiber left, until it leaves again.
  void enter();
  /// Called on a fiber: back to who entered it.
  static void leave();
  /// Forgets what was under way; the next enter() begins with body().
  void restart();

 private:
  static void begin();

  void (*body_)();
  char* stack_;
  Context context_, caller_;
  void* fake_stack_ = nullptr;  ///< AddressSanitizer's, while the fiber is left
};

}  // namespace cuda_shim
