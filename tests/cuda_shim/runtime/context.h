#pragma once

#include <cstddef>

#ifndef __x86_64__
#include <ucontext.h>
#endif

namespace cuda_shim {

/// Where a stack was left: what is needed to go on there.
struct Context {
#ifdef __x86_64__
  void* stack_pointer = nullptr;
#else
  ucontext_t registers{};
#endif
};

/// A context whose first switch calls `entry`, which must not return, on the stack.
void prepare(Context& context, char* stack, std::size_t bytes, void (*entry)());
/// Leaves the running stack, to be gone on with from `from`, for another.
void switch_stack(Context& from, Context& to);

}  // namespace cuda_shim
