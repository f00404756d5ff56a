#include "policy.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <numeric>

namespace cuda_shim {
namespace {

[[noreturn]] void refuse(const char* variable, const std::string& text, const char* expected) {
  std::fprintf(stderr, "%s: no such policy; got '%s'; expected %s\n", variable, text.c_str(), expected);
  std::exit(2);
}

std::string variable(const char* name) {
  const char* const text = std::getenv(name);
  return text ? text : "";
}

/// Whether `text` is shuffled, with or without :SEED.
bool shuffled(const std::string& text, std::uint64_t& seed) {
  if (text == "shuffled") return true;
  if (text.rfind("shuffled:", 0) != 0) return false;
  char* end = nullptr;
  seed = std::strtoull(text.c_str() + 9, &end, 10);
  return end != text.c_str() + 9 && *end == 0;
}

struct Current {
  Policy policy = policy_of_environment();
  std::mt19937_64 engine{policy.seed};
};

Current& current() {
  static Current current;
  return current;
}

}  // namespace

Policy policy_of_environment() {
  Policy policy;
  const std::string order = variable("SLUICE_SHIM_ORDER"), streams = variable("SLUICE_SHIM_STREAMS"),
                    captures = variable("SLUICE_SHIM_CAPTURES");
  if (order == "backward")
    policy.order = Order::backward;
  else if (shuffled(order, policy.seed))
    policy.order = Order::shuffled;
  else if (!order.empty() && order != "forward")
    refuse("SLUICE_SHIM_ORDER", order, "forward, backward, shuffled or shuffled:SEED");
  if (streams == "eager")
    policy.streams = Laziness::eager;
  else if (shuffled(streams, policy.seed))
    policy.streams = Laziness::shuffled;
  else if (!streams.empty() && streams != "lazy")
    refuse("SLUICE_SHIM_STREAMS", streams, "eager, lazy, shuffled or shuffled:SEED");
  policy.captures = captures != "no";
  if (policy.captures && !captures.empty() && captures != "yes") refuse("SLUICE_SHIM_CAPTURES", captures, "yes or no");
  return policy;
}

void set_policy(const Policy& policy) {
  current().policy = policy;
  current().engine.seed(policy.seed);
}

const Policy& policy() { return current().policy; }
std::mt19937_64& chance() { return current().engine; }

void arrange(std::vector<int>& numbers, int count) {
  numbers.resize(static_cast<std::size_t>(count));
  std::iota(numbers.begin(), numbers.end(), 0);
  if (policy().order == Order::backward) std::reverse(numbers.begin(), numbers.end());
  if (policy().order == Order::shuffled) std::shuffle(numbers.begin(), numbers.end(), chance());
}

}  // namespace cuda_shim
