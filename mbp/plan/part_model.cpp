#include <sluice/mbp/plan/part_model.h>

#include <algorithm>
#include <map>
#include <numeric>

#include <sluice/core/at.h>

namespace sluice {
namespace {

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

/// The spans of a step while they grow.
struct PartModel::Lists {
  std::vector<int> inputs, outputs, in_place, after;
};

/// One block of memory for all steps: they are walked thousands of times.
void PartModel::store_lists(const std::vector<Lists>& all_lists) {
  std::size_t count = 0;
  for (const Lists& lists : all_lists)
    count += lists.inputs.size() + lists.outputs.size() + lists.in_place.size() + lists.after.size();
  numbers_.reserve(count);
  const auto appended = [&](const std::vector<int>& list) {
    const std::size_t begin = numbers_.size();
    numbers_.insert(numbers_.end(), list.begin(), list.end());
    return std::span<const int>(numbers_).subspan(begin);
  };
  for (std::size_t i = 0; i < all_lists.size(); ++i) {
    steps_[i].inputs = appended(all_lists[i].inputs);
    steps_[i].outputs = appended(all_lists[i].outputs);
    steps_[i].in_place = appended(all_lists[i].in_place);
    steps_[i].after = appended(all_lists[i].after);
  }
}

/// Whether output 0 has the layout and the bytes of input `which`.
static bool output_may_overwrite(const Part& part, const Instruction& instruction, int which) {
  const PartValue& source = part.values[at(instruction.inputs[at(which)])];
  const PartValue& result = part.values[at(instruction.outputs[0])];
  return source.layout == result.layout && source.bytes() == result.bytes();
}

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
      live_out_.push_back(false);
    }
    return number[at(v)];
  };
  std::vector<Lists> all_lists;             // by step
  std::map<int, std::vector<int>> touched;  // storage → steps that touch it, the last one that wrote it first
  for (const Instruction& instruction : part.instructions) {
    const int i = steps();
    Lists& lists = all_lists.emplace_back();
    Step step{.inputs = {},
              .outputs = {},
              .in_place = {},
              .after = {},
              .workspace_bytes = aligned(instruction.workspace_bytes),
              .seconds = predicted_seconds(part, instruction, rates),
              .repeatable = static_cast<bool>(instruction.clone_kernel),
              .cheap = instruction.cheap};
    std::map<int, int> uses;
    for (const int v : instruction.inputs) {
      const int storage = part.values[at(looked_at(part, v))].storage;
      const int input = numbered(v);
      if (input >= 0 && uses[input]++ == 0) lists.inputs.push_back(input);
      if (storage < 0) continue;
      if (const auto known = touched.find(storage); known != touched.end())
        lists.after.push_back(known->second.front());
    }
    for (const int v : instruction.outputs) {
      const int output = numbered(v);
      if (output >= 0) {
        lists.outputs.push_back(output);
        producer_[at(output)] = i;
        continue;
      }
      const int storage = part.values[at(looked_at(part, v))].storage;
      if (const auto known = touched.find(storage); known != touched.end())
        lists.after.insert(lists.after.end(), known->second.begin(), known->second.end());
      touched[storage] = {i};
      step.repeatable = false;
    }
    for (const int which : instruction.in_place) {
      const int input = numbered(instruction.inputs[at(which)]);
      if (lists.outputs.empty() || input < 0 || uses[input] != 1) continue;
      if (output_may_overwrite(part, instruction, which)) lists.in_place.push_back(input);
    }
    steps_.push_back(step);
  }
  store_lists(all_lists);
  for (const int v : part.live_out)
    if (const int value = numbered(v); value >= 0) live_out_[at(value)] = true;
}

std::vector<std::size_t> PartModel::live(std::span<const int> sequence) const {
  Scratch scratch;
  std::vector<std::size_t> bytes;
  live(sequence, scratch, bytes);
  return bytes;
}

void PartModel::live(std::span<const int> sequence, Scratch& scratch, std::vector<std::size_t>& live) const {
  const int count = static_cast<int>(sequence.size());
  std::vector<Scratch::Copy>& made = scratch.copies_;
  made.clear();
  scratch.latest_.assign(bytes_.size(), -1);
  int* const latest = scratch.latest_.data();
  for (int t = 0; t < count; ++t) {
    const Step& now = step(sequence[at(t)]);
    for (const int v : now.inputs) made[at(latest[v])].last = t;
    for (const int v : now.outputs) {
      const int copy = latest[v] = static_cast<int>(made.size());
      made.push_back({bytes(v), t, t, copy});
    }
  }
  Scratch::Copy* const copies = made.data();
  for (int v = 0; v < values(); ++v)
    if (live_out_[at(v)] && latest[v] >= 0) copies[latest[v]].last = count;

  int next = 0;  // copies are visited in the order in which they were made
  for (int t = 0; t < count; ++t) {
    const Step& now = step(sequence[at(t)]);
    for (const int v : now.in_place) {
      const int owner = copies[latest[v]].memory;
      if (copies[owner].last != t) continue;
      copies[owner].last = std::max(copies[owner].last, copies[next].last);  // next: output 0
      copies[next].memory = owner;
      break;
    }
    for (const int v : now.outputs) latest[v] = next++;
  }

  live.assign(sequence.size() + 1, 0);
  for (int i = 0; i < next; ++i) {
    if (copies[i].memory != i) continue;
    live[at(copies[i].first)] += copies[i].bytes;
    if (copies[i].last < count) live[at(copies[i].last + 1)] -= copies[i].bytes;  // wraps, and wraps back in the sum
  }
  std::partial_sum(live.begin(), live.end(), live.begin());
  for (int t = 0; t < count; ++t) live[at(t)] += step(sequence[at(t)]).workspace_bytes;
}

std::size_t PartModel::peak(std::span<const int> sequence) const {
  const std::vector<std::size_t> bytes = live(sequence);
  return *std::max_element(bytes.begin(), bytes.end());
}

std::size_t PartModel::least_possible() const {
  std::size_t least = 0;
  for (const Step& step : steps_) {
    std::size_t bytes_here = step.workspace_bytes;
    for (const int v : step.inputs) bytes_here += bytes(v);
    for (const int v : step.outputs) bytes_here += bytes(v);
    if (!step.in_place.empty()) bytes_here -= bytes(step.outputs[0]);
    least = std::max(least, bytes_here);
  }
  return least;
}

double PartModel::seconds(std::span<const int> sequence) const {
  double sum = 0;
  for (const int i : sequence) sum += step(i).seconds;
  return sum;
}

}  // namespace sluice
