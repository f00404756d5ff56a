#include "fiber.h"

#include <new>

#include <sys/mman.h>

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

namespace cuda_shim {
namespace {

constexpr std::size_t page = 4096;
#ifdef __SANITIZE_ADDRESS__
constexpr std::size_t stack_bytes = 256 << 10;
#else
constexpr std::size_t stack_bytes = 64 << 10;
#endif

Fiber* running = nullptr;

// AddressSanitizer follows the stack pointer only when it is told where it goes.
#ifdef __SANITIZE_ADDRESS__
const void* caller_stack = nullptr;
std::size_t caller_stack_bytes = 0;

void before_switch(void** fake_stack, const void* stack, std::size_t bytes) {
  __sanitizer_start_switch_fiber(fake_stack, stack, bytes);
}
void arrived_on_fiber(void* fake_stack) {
  __sanitizer_finish_switch_fiber(fake_stack, &caller_stack, &caller_stack_bytes);
}
void arrived_at_caller(void* fake_stack) { __sanitizer_finish_switch_fiber(fake_stack, nullptr, nullptr); }
void forget(char* stack) { __asan_unpoison_memory_region(stack, stack_bytes); }
#else
const void* const caller_stack = nullptr;
constexpr std::size_t caller_stack_bytes = 0;

void before_switch(void**, const void*, std::size_t) {}
void arrived_on_fiber(void*) {}
void arrived_at_caller(void*) {}
void forget(char*) {}
#endif

}  // namespace

// A page below the stack that may not be touched ends a stack that is too deep.
Fiber::Fiber(void (*body)()) : body_(body) {
  void* const memory =
      mmap(nullptr, page + stack_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED || mprotect(memory, page, PROT_NONE) != 0) throw std::bad_alloc();
  stack_ = static_cast<char*>(memory) + page;
  restart();
}

Fiber::~Fiber() {
  forget(stack_);
  munmap(stack_ - page, page + stack_bytes);
}

void Fiber::restart() {
  forget(stack_);
  fake_stack_ = nullptr;
  prepare(context_, stack_, stack_bytes, begin);
}

void Fiber::begin() {
  arrived_on_fiber(nullptr);
  running->body_();
}

void Fiber::enter() {
  running = this;
  void* fake_stack = nullptr;
  before_switch(&fake_stack, stack_, stack_bytes);
  switch_stack(caller_, context_);
  arrived_at_caller(fake_stack);
}

void Fiber::leave() {
  Fiber& fiber = *running;
  before_switch(&fiber.fake_stack_, caller_stack, caller_stack_bytes);
  switch_stack(fiber.context_, fiber.caller_);
  arrived_on_fiber(fiber.fake_stack_);
}

}  // namespace cuda_shim
