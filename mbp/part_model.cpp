#include <sluice/mbp/part_model.h>

#include <algorithm>
#include <map>
#include <numeric>

namespace sluice {
namespace {

std::size_t at(int i) { return static_cast<std::size_t>(i); }

/// The value whose bytes `v` shows under another shape, or v.
int looked_at(const Part& part, int v) {
  while (part.values[at(v)].view) v = part.values[at(v)].alias;
  return v;
}

double predicted_seconds(const Part& part, const Instruction& instruction, const DeviceRates& rates) {
  std::size_t moved = 0;
  for (const auto* operands : {&instruction.inputs, &instruction.outputs})
    for (const int v : *operands) moved += part.values[at(v)].bytes();
  const double computing = instruction.flops * instruction.kernel->work() / rates.flops_per_s;
  const auto bytes = static_cast<double>(moved);
  const double moving = bytes / (bytes <= rates.cache_bytes ? rates.cache_bytes_per_s : rates.bytes_per_s);
  return rates.launch_s + std::max(computing, moving);
}

}  // namespace

PartModel::PartModel(const Part& part, const DeviceRates& rates) {
  std::vector<int> number(part.values.size(), -1);
  const auto numbered = [&](int v) {
    v = looked_at(part, v);
    const PartValue& value = part.values[at(v)];
    if (value.storage >= 0) return -1;
    if (number[at(v)] < 0) {
      number[at(v)] = values();
      bytes_.push_back(aligned(value.bytes()));
      producer_.push_back(-1);
      kept_.push_back(false);
    }
    return number[at(v)];
  };
  std::map<int, std::vector<int>> touched;  // storage → steps that touch it, the last one that wrote it first
  for (const Instruction& instruction : part.instructions) {
    const int i = steps();
    Step step{.inputs = {},
              .outputs = {},
              .in_place = {},
              .after = {},
              .workspace_bytes = aligned(instruction.workspace_bytes),
              .seconds = predicted_seconds(part, instruction, rates),
              .repeatable = static_cast<bool>(instruction.make_again),
              .cheap = instruction.cheap};
    std::map<int, int> uses;
    for (const int v : instruction.inputs) {
      const int storage = part.values[at(looked_at(part, v))].storage;
      const int input = numbered(v);
      if (input >= 0 && uses[input]++ == 0) step.inputs.push_back(input);
      if (storage < 0) continue;
      if (const auto known = touched.find(storage); known != touched.end()) step.after.push_back(known->second.front());
    }
    for (const int v : instruction.outputs) {
      const int output = numbered(v);
      if (output >= 0) {
        step.outputs.push_back(output);
        producer_[at(output)] = i;
        continue;
      }
      const int storage = part.values[at(looked_at(part, v))].storage;
      if (const auto known = touched.find(storage); known != touched.end())
        step.after.insert(step.after.end(), known->second.begin(), known->second.end());
      touched[storage] = {i};
      step.repeatable = false;
    }
    for (const int which : instruction.in_place) {
      const int v = instruction.inputs[at(which)];
      const int input = numbered(v);
      if (step.outputs.empty() || input < 0 || uses[input] != 1) continue;
      const PartValue& source = part.values[at(v)];
      const PartValue& result = part.values[at(instruction.outputs[0])];
      if (source.layout == result.layout && source.bytes() == result.bytes()) step.in_place.push_back(input);
    }
    steps_.push_back(std::move(step));
  }
  for (const int v : part.kept_to_end)
    if (const int value = numbered(v); value >= 0) kept_[at(value)] = true;
}

std::vector<std::size_t> PartModel::live(std::span<const int> sequence) const {
  const int count = static_cast<int>(sequence.size());
  struct Copy {
    std::size_t bytes;
    int first, last;
    int memory;  // the copy whose memory it takes: itself, or one it overwrites
  };
  std::vector<Copy> copies;
  copies.reserve(2 * sequence.size());
  std::vector<int> latest(bytes_.size(), -1);
  for (int t = 0; t < count; ++t) {
    const Step& now = step(sequence[at(t)]);
    for (const int v : now.inputs) copies[at(latest[at(v)])].last = t;
    for (const int v : now.outputs) {
      latest[at(v)] = static_cast<int>(copies.size());
      copies.push_back({bytes(v), t, t, latest[at(v)]});
    }
  }
  for (int v = 0; v < values(); ++v)
    if (kept_[at(v)] && latest[at(v)] >= 0) copies[at(latest[at(v)])].last = count;

  int next = 0;  // the copies are met again in the order in which they were made
  std::fill(latest.begin(), latest.end(), -1);
  for (int t = 0; t < count; ++t) {
    const Step& now = step(sequence[at(t)]);
    for (const int v : now.in_place) {
      const int owner = copies[at(latest[at(v)])].memory;
      Copy& source = copies[at(owner)];
      if (source.last != t) continue;
      Copy& result = copies[at(next)];  // of output 0
      source.last = std::max(source.last, result.last);
      result.memory = owner;
      break;
    }
    for (const int v : now.outputs) latest[at(v)] = next++;
  }

  std::vector<std::size_t> live(sequence.size() + 1, 0);
  for (std::size_t i = 0; i < copies.size(); ++i) {
    const Copy& copy = copies[i];
    if (copy.memory != static_cast<int>(i)) continue;
    live[at(copy.first)] += copy.bytes;
    if (copy.last < count) live[at(copy.last + 1)] -= copy.bytes;  // wraps, and wraps back in the sum
  }
  std::partial_sum(live.begin(), live.end(), live.begin());
  for (int t = 0; t < count; ++t) live[at(t)] += step(sequence[at(t)]).workspace_bytes;
  return live;
}

std::size_t PartModel::peak(std::span<const int> sequence) const {
  const std::vector<std::size_t> bytes = live(sequence);
  return *std::max_element(bytes.begin(), bytes.end());
}

double PartModel::seconds(std::span<const int> sequence) const {
  double sum = 0;
  for (const int i : sequence) sum += step(i).seconds;
  return sum;
}

}  // namespace sluice
