#include <sluice/mbp/pack/skyline.h>

#include <algorithm>

namespace sluice::packer {

Skyline::Skyline(const Problem& problem, std::size_t capacity)
    : problem_(problem),
      capacity_(capacity),
      limit_(capacity + problem.most_padding),
      floor_(at(problem.sections)),
      rest_(problem.live),
      crossing_(at(problem.sections) + 1),
      starts_(at(problem.sections) + 1),
      ends_(at(problem.sections) + 1),
      key_(at(problem.sections)),
      placed_(problem.blocks.size()),
      offsets_(problem.blocks.size()) {
  for (int b = 0; b < static_cast<int>(problem.blocks.size()); ++b) {
    const Block& block = problem.blocks[at(b)];
    starts_[at(block.begin)].push_back(b);
    ends_[at(block.end)].push_back(b);
    for (int s = block.begin + 1; s < block.end; ++s) ++crossing_[at(s)];
    const std::uint64_t when =
        mix(static_cast<std::uint64_t>(block.begin) << 32 | static_cast<std::uint64_t>(block.end));
    keys_.push_back(mix(mix(when ^ block.bytes) ^ block.alignment));
    key_[at(block.begin)] += keys_.back();
  }
  for (int s = 0; s < problem.sections; ++s) floor_key_.push_back(mix(static_cast<std::uint64_t>(s)) | 1);
}

void Skyline::place(int b) {
  const Block& block = problem_.blocks[at(b)];
  const std::size_t room = problem_.room(block), floor = floor_[at(block.begin)];
  trail_.push_back({block.begin, block.end, floor, b});
  offsets_[at(b)] = align_up(floor, block.alignment);
  placed_[at(b)] = 1;
  key_[at(block.begin)] -= keys_[at(b)];
  for (int s = block.begin; s < block.end; ++s) {
    floor_[at(s)] = offsets_[at(b)] + room;
    rest_[at(s)] -= room;
  }
  for (int s = block.begin + 1; s < block.end; ++s) --crossing_[at(s)];
}

void Skyline::raise(int section, std::size_t floor) {
  trail_.push_back({section, section + 1, floor_[at(section)], -1});
  floor_[at(section)] = floor;
}

void Skyline::undo(std::size_t mark) {
  for (; trail_.size() > mark; trail_.pop_back()) {
    const Change& change = trail_.back();
    std::fill(floor_.begin() + change.begin, floor_.begin() + change.end, change.floor);
    if (change.block < 0) continue;
    const std::size_t room = problem_.room(problem_.blocks[at(change.block)]);
    for (int s = change.begin; s < change.end; ++s) rest_[at(s)] += room;
    for (int s = change.begin + 1; s < change.end; ++s) ++crossing_[at(s)];
    key_[at(change.begin)] += keys_[at(change.block)];
    placed_[at(change.block)] = 0;
  }
}

int Skyline::overfull(int begin, int end) const {
  for (int s = begin; s < end; ++s)
    if (floor_[at(s)] + rest_[at(s)] > limit_) return s;
  return -1;
}

std::uint64_t Skyline::key(int begin, int end) const {
  std::uint64_t key = mix(static_cast<std::uint64_t>(begin) << 32 | static_cast<std::uint64_t>(end));
  for (int s = begin; s < end; ++s) key += key_[at(s)] + floor_[at(s)] * floor_key_[at(s)];
  return mix(key) & ~std::uint64_t{3};
}

int Skyline::count_options(Edge& edge, bool all_floors) const {
  edge.options = 0;
  for_each_candidate(edge, [&](int) { ++edge.options; });
  edge.raised = raised_floor(edge, edge.options > 0, all_floors);
  if (edge.raised != nowhere) ++edge.options;
  return edge.options;
}

/// The group of the block that the edge leans against.
int Skyline::group_beside(const Edge& edge) const {
  for (const int b : edge.at_left ? ends_[at(edge.begin)] : starts_[at(edge.end)])
    if (placed_[at(b)] && offsets_[at(b)] <= edge.floor && edge.floor < offsets_[at(b)] + problem_.blocks[at(b)].bytes)
      return (edge.at_left ? matches_->end_group : matches_->begin_group)[at(b)];
  return -1;
}

/// A block follows one of its group, if its group is known and one of it is placed.
bool Skyline::may_follow(const Edge& edge, int b, int group_beside) const {
  const int group = (edge.at_left ? matches_->begin_group : matches_->end_group)[at(b)];
  if (group_beside >= 0) return group == group_beside;
  if (group < 0) return true;
  for (const int other : edge.at_left ? ends_[at(edge.begin)] : starts_[at(edge.end)])
    if (placed_[at(other)] && (edge.at_left ? matches_->end_group : matches_->begin_group)[at(other)] == group)
      return false;
  return true;
}

/// Where the next block at the edge can lie if none lies on the valley's floor: on the one beside (a block that reaches
/// out of the valley on that side); across the valley, if a block reaches over all of it; or on a block of the valley
/// that does not touch the edge, under a candidate.
std::size_t Skyline::raised_floor(const Edge& edge, bool some_fit, bool all_floors) const {
  const std::size_t rest = rest_[at(edge.section())];
  if (edge.floor + rest >= limit_) return nowhere;
  std::size_t raised = edge.beside();
  int far = edge.section();  // of the candidates
  for (const int b : edge.at_left ? starts_[at(edge.begin)] : ends_[at(edge.end)]) {
    if (placed_[at(b)]) continue;
    const Block& block = problem_.blocks[at(b)];
    if (!inside(edge, b))
      raised = std::min(raised, edge.across());
    else
      far = edge.at_left ? std::max(far, block.end - 1) : std::min(far, block.begin);
  }
  if (some_fit && all_floors) {
    const int from = edge.at_left ? edge.begin + 1 : far, to = edge.at_left ? far + 1 : edge.end - 1;
    for (int s = from; s < to; ++s)
      for (const int b : edge.at_left ? starts_[at(s)] : ends_[at(s + 1)])
        if (!placed_[at(b)] && inside(edge, b))
          raised = std::min(raised, std::max(edge.floor + 1, align_up(edge.floor, problem_.blocks[at(b)].alignment) +
                                                                 problem_.room(problem_.blocks[at(b)])));
  }
  return raised == nowhere || raised + rest > limit_ ? nowhere : raised;
}

}  // namespace sluice::packer
