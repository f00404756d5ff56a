// Any words are flags of a trainer or are rejected with 2; nothing is thrown, nothing is out of range afterwards.
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <vector>

#include <sluice/core/device.h>
#include <sluice/core/error.h>

#include "common/trainer_flags.h"

namespace sluice {

// The parser only names devices; none is opened, and no kernel is linked.
std::unique_ptr<Backend> make_cpu_backend();
std::unique_ptr<Backend> make_cpu_backend() { throw DeviceError("cpu: no backend in a fuzz target"); }

}  // namespace sluice

namespace {

bool valid(const sluice::samples::TrainerFlags& flags) {
  return flags.epochs >= 1 && flags.batch >= 1 && flags.micro_batch >= 0 && flags.micro_batch <= flags.batch &&
         flags.threads >= 0 && flags.limit >= 0 && std::isfinite(flags.learning_rate()) && flags.learning_rate() > 0 &&
         flags.momentum >= 0 && flags.momentum < 1 && flags.weight_decay >= 0 &&
         (flags.model == "lenet" || flags.model == "fashion_cnn");
}

}  // namespace

/// Words are separated by line ends.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::cout.setstate(std::ios::failbit);  // prints nothing
  std::cerr.setstate(std::ios::failbit);
  std::vector<std::string> words{"trainer", ""};
  for (std::size_t i = 0; i < size; ++i) {
    const auto letter = static_cast<char>(data[i]);
    if (letter == '\0') continue;  // no argument holds one
    if (letter == '\n')
      words.emplace_back();
    else
      words.back() += letter;
  }
  if (words.back().empty()) words.pop_back();
  std::vector<const char*> argv;
  for (const std::string& word : words) argv.push_back(word.c_str());

  sluice::samples::TrainerFlags flags{.models = {"lenet", "fashion_cnn"}};
  const std::optional<int> code =
      sluice::samples::parse_trainer_flags(static_cast<int>(argv.size()), argv.data(), "Trains.", flags);
  if (code ? *code != 0 && *code != 2 : !valid(flags)) std::abort();
  return 0;
}
