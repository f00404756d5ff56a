#pragma once

#include <cstdint>
#include <string>

#include <sluice/core/graph.h>
#include <sluice/core/op.h>

namespace sluice {

/// Rows and columns at the four edges of a map.
struct Edges2d {
  std::int64_t top = 0, left = 0, bottom = 0, right = 0;

  bool at_least(std::int64_t least) const { return top >= least && left >= least && bottom >= least && right >= least; }
  std::string str() const;
  friend bool operator==(const Edges2d&, const Edges2d&) = default;
};

/// Zeros around x: y[n,c,i,j] = x[n,c,i−top,j−left] where x has such an element, else 0.
///
/// x: [N,C,H,W], f32, sample. Returns [N,C,H+top+bottom,W+left+right]; x itself where all edges are 0. Linear in x.
/// Gradient: crop2d. Throws ShapeError when x is not [N,C,H,W] or an edge is negative.
Var pad2d(Var x, const Edges2d& edges);

/// Cuts the edges off: y[n,c,i,j] = x[n,c,i+top,j+left].
///
/// x: [N,C,H,W], f32, sample. Returns [N,C,H−top−bottom,W−left−right]; x itself where all edges are 0. Linear in x.
/// Gradient: pad2d. Throws ShapeError when x is not [N,C,H,W], an edge is negative, or nothing is left.
Var crop2d(Var x, const Edges2d& edges);

/// What both directions share; kernels read it.
class Pad2dOpBase : public Op {
 public:
  explicit Pad2dOpBase(const Edges2d& edges) : edges_(edges) {}

  const Edges2d& edges() const { return edges_; }
  std::string options() const override { return edges_.str(); }
  bool linear_in(int) const override { return true; }

 protected:
  /// Throws ShapeError unless input 0 is a map and no edge is negative.
  void check(std::span<const ValueSpec> inputs) const;

 private:
  Edges2d edges_;
};

}  // namespace sluice
