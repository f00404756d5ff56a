#include "context.h"

#ifdef __x86_64__

// swapcontext() asks the kernel for the signal mask at every switch, which takes ten times as long as all the rest.
// This saves what a function has to keep for its caller (System V ABI, AMD64, 3.2.1).
extern "C" void cuda_shim_switch(void** from, void* to);
asm(R"(
.text
.globl cuda_shim_switch
.hidden cuda_shim_switch
.type cuda_shim_switch, @function
cuda_shim_switch:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size cuda_shim_switch, .-cuda_shim_switch
)");

namespace cuda_shim {

void prepare(Context& context, char* stack, std::size_t bytes, void (*entry)()) {
  constexpr int saved_registers = 6;
  auto** const top = reinterpret_cast<void**>(stack + bytes);  // a multiple of 16
  void** const at_entry = top - 1;  // as if called: aligned to 16 but for the return address, which is null
  *at_entry = nullptr;
  at_entry[-1] = reinterpret_cast<void*>(entry);
  for (int i = 0; i < saved_registers; ++i) at_entry[-2 - i] = nullptr;
  context.stack_pointer = at_entry - 1 - saved_registers;
}

void switch_stack(Context& from, Context& to) { cuda_shim_switch(&from.stack_pointer, to.stack_pointer); }

}  // namespace cuda_shim

#else

namespace cuda_shim {

void prepare(Context& context, char* stack, std::size_t bytes, void (*entry)()) {
  getcontext(&context.registers);
  context.registers.uc_stack.ss_sp = stack;
  context.registers.uc_stack.ss_size = bytes;
  makecontext(&context.registers, entry, 0);
}

void switch_stack(Context& from, Context& to) { swapcontext(&from.registers, &to.registers); }

}  // namespace cuda_shim

#endif
