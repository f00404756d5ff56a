#include <sluice/mbp/pack/problem.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <set>
#include <string>

#include <sluice/core/at.h>
#include <sluice/core/error.h>

namespace sluice::packer {
namespace {

/// Below it, no sum of two offsets overflows.
constexpr std::size_t most_bytes = std::size_t{1} << 62;

/// A block before time is cut into sections.
struct Span {
  std::int64_t lower = 0, upper = 0;
};

[[noreturn]] void reject(std::size_t item, const std::string& what, const std::string& got, const std::string& rule) {
  throw UsageError("pack: " + what + " of item " + std::to_string(item) + "; got " + got + "; expected " + rule);
}

void check(const PackingItem& item, std::size_t i) {
  if (item.upper <= item.lower)
    reject(i, "lifetime", "[" + std::to_string(item.lower) + ", " + std::to_string(item.upper) + ")", "upper > lower");
  if (item.alignment == 0 || item.alignment >= most_bytes)
    reject(i, "alignment", std::to_string(item.alignment), "at least 1 and less than 2^62");
  if (item.bytes >= most_bytes) reject(i, "size", std::to_string(item.bytes), "less than 2^62 bytes");
  if (item.fixed_offset && (*item.fixed_offset >= most_bytes || *item.fixed_offset % item.alignment != 0))
    reject(i, "fixed offset", std::to_string(*item.fixed_offset),
           "a multiple of its alignment " + std::to_string(item.alignment) + ", less than 2^62");
}

/// Joins `item` to the block of its alias group.
void join(Block& block, Span& span, const PackingItem& item, std::size_t i) {
  span.lower = std::min(span.lower, item.lower);
  span.upper = std::max(span.upper, item.upper);
  block.bytes = std::max(block.bytes, item.bytes);
  const std::size_t shared = std::gcd(block.alignment, item.alignment);
  if (block.alignment / shared >= most_bytes / item.alignment)
    reject(i, "alignment together with its alias group", std::to_string(item.alignment), "less than 2^62");
  block.alignment = block.alignment / shared * item.alignment;
  if (!item.fixed_offset) return;
  if (block.is_fixed() && block.fixed != *item.fixed_offset)
    reject(i, "fixed offset", std::to_string(*item.fixed_offset),
           std::to_string(block.fixed) + " as in the rest of its alias group");
  block.fixed = *item.fixed_offset;
}

/// Fills in sections: one for each moment before which something began and at which something ends.
void cut(Problem& problem, const std::vector<Span>& spans) {
  struct Event {
    std::int64_t when;
    bool begins;
    std::size_t block;
  };
  std::vector<Event> events;
  events.reserve(2 * spans.size());
  for (std::size_t b = 0; b < spans.size(); ++b) {
    events.push_back({spans[b].lower, true, b});
    events.push_back({spans[b].upper, false, b});
  }
  std::sort(events.begin(), events.end(),
            [](const Event& a, const Event& b) { return a.when != b.when ? a.when < b.when : a.begins < b.begins; });
  int section = 0;
  bool grown = false;  // something began since the section before
  for (const Event& event : events) {
    if (!event.begins && grown) {
      ++section;
      grown = false;
    }
    Block& block = problem.blocks[event.block];
    (event.begins ? block.begin : block.end) = section;
    grown |= event.begins;
  }
  problem.sections = section;
}

/// The largest sum of what a section holds; where offsets have one alignment, of whole multiples of it but for the
/// block on top, which may be any.
std::size_t largest_sum(const Problem& problem) {
  if (problem.most_padding == 0) return *std::max_element(problem.live.begin(), problem.live.end());
  std::vector<std::vector<std::size_t>> starts(at(problem.sections) + 1), ends(at(problem.sections) + 1);
  for (const Block& block : problem.blocks) {
    const std::size_t padding = problem.room(block) - block.bytes;
    starts[at(block.begin)].push_back(padding);
    ends[at(block.end)].push_back(padding);
  }
  std::multiset<std::size_t> alive;
  std::size_t largest = 0;
  for (int s = 0; s < problem.sections; ++s) {
    for (const std::size_t padding : ends[at(s)]) alive.erase(alive.find(padding));
    alive.insert(starts[at(s)].begin(), starts[at(s)].end());
    largest = std::max(largest, problem.live[at(s)] - *alive.rbegin());
  }
  return largest;
}

void set_bounds(Problem& problem) {
  if (problem.blocks.empty()) return;
  const bool uniform = std::all_of(problem.blocks.begin(), problem.blocks.end(), [&](const Block& block) {
    return block.alignment == problem.blocks.front().alignment;
  });
  problem.common_alignment = uniform ? problem.blocks.front().alignment : 0;
  std::vector<std::size_t> change(at(problem.sections) + 1);
  std::size_t sum = 0, fixed_end = 0;
  for (const Block& block : problem.blocks) {
    const std::size_t room = problem.room(block);
    problem.has_fixed |= block.is_fixed();
    problem.most_padding = std::max(problem.most_padding, room - block.bytes);
    // What any placement can ask for, gaps in front of aligned offsets included.
    sum += block.alignment > 1 ? align_up(block.bytes, block.alignment) + block.alignment : block.bytes;
    if (sum >= most_bytes) throw UsageError("pack: the sum of all bytes and alignments is 2^62 or more; expected less");
    change[at(block.begin)] += room;
    change[at(block.end)] -= room;
    if (block.is_fixed()) fixed_end = std::max(fixed_end, block.fixed + block.bytes);
  }
  std::size_t live = 0;
  for (int s = 0; s < problem.sections; ++s) problem.live.push_back(live += change[at(s)]);
  problem.lower_bound_bytes = std::max(fixed_end, largest_sum(problem));
}

/// No two fixed blocks that are alive together share a byte.
void check_fixed(const Problem& problem, const std::vector<std::size_t>& item_of) {
  std::vector<std::size_t> events;  // 2 · block + begins
  for (std::size_t b = 0; b < problem.blocks.size(); ++b)
    if (problem.blocks[b].is_fixed()) events.insert(events.end(), {2 * b, 2 * b + 1});
  const auto when = [&](std::size_t event) {
    const Block& block = problem.blocks[event / 2];
    return event % 2 ? block.begin : block.end;
  };
  std::sort(events.begin(), events.end(), [&](std::size_t a, std::size_t b) {
    return std::pair(when(a), a % 2) < std::pair(when(b), b % 2);  // ends first
  });
  std::map<std::size_t, std::size_t> alive;  // offset to block
  for (const std::size_t event : events) {
    const std::size_t b = event / 2;
    const Block& block = problem.blocks[b];
    if (event % 2 == 0) {
      alive.erase(block.fixed);
      continue;
    }
    const auto [at, fresh] = alive.emplace(block.fixed, b);
    std::size_t other = fresh ? b : at->second;
    if (const auto next = std::next(at); fresh && next != alive.end() && next->first < block.fixed + block.bytes)
      other = next->second;
    if (fresh && at != alive.begin()) {
      const auto [offset, below] = *std::prev(at);
      if (offset + problem.blocks[below].bytes > block.fixed) other = below;
    }
    if (other != b)
      reject(item_of[b], "fixed offset", std::to_string(block.fixed),
             "bytes that item " + std::to_string(item_of[other]) + ", alive with it, does not have");
  }
}

}  // namespace

Problem make_problem(std::span<const PackingItem> items) {
  Problem problem;
  std::vector<Span> spans;
  std::vector<std::size_t> item_of;  // by block: the first
  std::map<int, std::size_t> groups;
  problem.block_of.reserve(items.size());
  for (std::size_t i = 0; i < items.size(); ++i) {
    const PackingItem& item = items[i];
    check(item, i);
    std::size_t b = problem.blocks.size();
    if (item.alias_group >= 0) b = groups.emplace(item.alias_group, b).first->second;
    if (b == problem.blocks.size()) {
      if (item.bytes == 0 && item.alias_group < 0) {
        problem.block_of.push_back(-1);
        continue;
      }
      problem.blocks.emplace_back();
      spans.push_back({item.lower, item.upper});
      item_of.push_back(i);
    }
    join(problem.blocks[b], spans[b], item, i);
    problem.block_of.push_back(static_cast<int>(b));
  }
  cut(problem, spans);
  set_bounds(problem);
  if (problem.has_fixed) check_fixed(problem, item_of);
  return problem;
}

std::vector<std::size_t> item_offsets(const Problem& problem, std::span<const PackingItem> items,
                                      std::span<const std::size_t> block_offsets) {
  std::vector<std::size_t> offsets;
  offsets.reserve(items.size());
  for (std::size_t i = 0; i < items.size(); ++i) {
    const int block = problem.block_of[i];
    offsets.push_back(block >= 0 ? block_offsets[static_cast<std::size_t>(block)] : items[i].fixed_offset.value_or(0));
  }
  return offsets;
}

std::size_t peak_of(const Problem& problem, std::span<const std::size_t> block_offsets) {
  std::size_t peak = 0;
  for (std::size_t b = 0; b < problem.blocks.size(); ++b)
    peak = std::max(peak, block_offsets[b] + problem.blocks[b].bytes);
  return peak;
}

}  // namespace sluice::packer
