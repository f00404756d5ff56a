#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <vector>

#include <sluice/mbp/pack/matches.h>
#include <sluice/mbp/pack/problem.h>

namespace sluice::packer {

/// The left or right edge of a valley: sections [begin, end) of equal floor, lower than the sections beside them.
struct Edge {
  int begin = 0, end = 0;
  std::size_t floor = 0;
  std::size_t left = 0, right = 0;  ///< floors beside the valley; `nowhere`: no block can reach over
  bool at_left = true;
  int options = 0;
  std::size_t raised = nowhere;  ///< the floor at the edge if no block is placed there; `nowhere`: a block must be

  int section() const { return at_left ? begin : end - 1; }
  std::size_t beside() const { return at_left ? left : right; }
  std::size_t across() const { return at_left ? right : left; }
};

/// A partial packing that grows from the bottom: each block lies on the ground or on another block. Every packing
/// can be pushed down to this form. So a search needs only the *floor* of each section: the end of the highest block
/// in it.
class Skyline {
 public:
  Skyline(const Problem& problem, std::size_t capacity);

  /// Excludes candidates that contradict `matches` from now on; null: excludes none.
  void follow(const Matches* matches) { matches_ = matches; }

  /// Places a block on the floor of its sections, which must be level.
  void place(int block);
  /// Raises the floor of the section: no block will be placed below `floor`.
  void raise(int section, std::size_t floor);
  /// Returns a mark to which undo() returns.
  std::size_t mark() const { return trail_.size(); }
  /// Undoes place() and raise() since `mark`.
  void undo(std::size_t mark);

  /// Whether an unplaced block reaches over the boundary in front of `section`.
  bool crossed(int section) const { return crossing_[at(section)] > 0; }
  std::size_t unplaced_bytes(int section) const { return rest_[at(section)]; }
  const std::vector<std::size_t>& offsets() const { return offsets_; }

  /// Returns a section of [begin, end) that cannot hold its unplaced blocks; −1: there is none.
  int overfull(int begin, int end) const;
  /// Returns a hash of the floors and unplaced blocks in [begin, end), a multiple of 4.
  std::uint64_t key(int begin, int end) const;
  /// Whether two blocks have equal properties.
  bool interchangeable(int a, int b) const { return keys_[at(a)] == keys_[at(b)]; }

  /// Calls `visit` with both edges of every valley until it returns false.
  template <class Visit>
  void for_each_edge(int begin, int end, Visit visit) const {
    std::size_t left = nowhere;
    for (int s = begin; s < end;) {
      Edge edge{.begin = s, .end = s + 1, .floor = floor_[at(s)], .left = left};
      while (edge.end < end && floor_[at(edge.end)] == edge.floor) ++edge.end;
      edge.right = edge.end < end ? floor_[at(edge.end)] : nowhere;
      left = edge.floor;
      s = edge.end;
      if (edge.left < edge.floor || edge.right < edge.floor) continue;
      for (const bool at_left : {true, false}) {
        edge.at_left = at_left;
        if (!visit(edge)) return;
      }
    }
  }
  /// Calls `visit` with the unplaced blocks that can lie at the edge: those that begin (end) with the valley and
  /// lie inside it.
  template <class Visit>
  void for_each_candidate(const Edge& edge, Visit visit) const {
    const int beside = matches_ ? group_beside(edge) : -1;
    for (const int b : edge.at_left ? starts_[at(edge.begin)] : ends_[at(edge.end)])
      if (!placed_[at(b)] && inside(edge, b) && top(edge, b) <= capacity_ && (!matches_ || may_follow(edge, b, beside)))
        visit(b);
  }
  /// Returns the number of candidates, plus 1 if the edge may stay empty. Sets edge.raised: exactly with
  /// `all_floors`, else to the floor beside.
  int count_options(Edge& edge, bool all_floors) const;

 private:
  struct Change {
    int begin, end;
    std::size_t floor;
    int block;  ///< −1: the floor only
  };
  static std::size_t at(int i) { return static_cast<std::size_t>(i); }
  bool inside(const Edge& edge, int b) const {
    return problem_.blocks[at(b)].begin >= edge.begin && problem_.blocks[at(b)].end <= edge.end;
  }
  std::size_t top(const Edge& edge, int b) const {
    return align_up(edge.floor, problem_.blocks[at(b)].alignment) + problem_.blocks[at(b)].bytes;
  }
  int group_beside(const Edge& edge) const;
  bool may_follow(const Edge& edge, int b, int group_beside) const;
  std::size_t raised_floor(const Edge& edge, bool some_fit, bool all_floors) const;

  const Problem& problem_;
  const Matches* matches_ = nullptr;
  std::size_t capacity_, limit_;
  std::vector<std::size_t> floor_, rest_;        ///< by section
  std::vector<int> crossing_;                    ///< by section: number of unplaced blocks that reach over its begin
  std::vector<std::vector<int>> starts_, ends_;  ///< blocks by their first section, and by the section after their last
  std::vector<std::uint64_t> keys_;              ///< by block
  std::vector<std::uint64_t> key_;               ///< by section: the sum over unplaced blocks that begin there
  std::vector<std::uint64_t> floor_key_;         ///< by section: factor of its floor
  std::vector<char> placed_;
  std::vector<std::size_t> offsets_;
  std::vector<Change> trail_;
};

}  // namespace sluice::packer
