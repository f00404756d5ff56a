#include <sluice/mbp/plan/micro_batches.h>

#include <algorithm>

namespace sluice {

MicroBatches::MicroBatches(std::int64_t n, std::int64_t micro_batch) {
  const std::int64_t count = n / micro_batch + (n % micro_batch != 0);
  if (count == 0) return;
  add(n / count + 1, n % count);
  add(n / count, count - n % count);
}

MicroBatches::MicroBatches(std::int64_t n, std::span<const std::int64_t> sizes) {
  const MicroBatches even(n, sizes.front());
  const auto planned = [&](const Run& run) { return std::find(sizes.begin(), sizes.end(), run.size) != sizes.end(); };
  if (std::all_of(even.runs_.begin(), even.runs_.end(), planned)) {
    *this = even;
    return;
  }
  for (const std::int64_t size : sizes) add(size, (n - samples) / size);
}

std::vector<std::int64_t> MicroBatches::sizes() const {
  std::vector<std::int64_t> sizes;
  for (const Run& run : runs_) sizes.push_back(run.size);
  return sizes;
}

std::int64_t MicroBatches::count(std::int64_t size) const {
  const auto run = std::find_if(runs_.begin(), runs_.end(), [&](const Run& run) { return run.size == size; });
  return run == runs_.end() ? 0 : run->count;
}

void MicroBatches::add(std::int64_t size, std::int64_t count) {
  if (count == 0) return;
  runs_.push_back({.size = size, .count = count, .first = replays, .sample = samples});
  replays += count;
  samples += size * count;
}

std::vector<std::int64_t> sizes_for_any_number(std::int64_t largest, std::int64_t least) {
  std::vector<std::int64_t> sizes;
  for (std::int64_t size = largest; size > least; size /= 4) sizes.push_back(size);
  sizes.push_back(least);
  return sizes;
}

}  // namespace sluice
