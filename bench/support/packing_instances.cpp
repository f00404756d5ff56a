#include "support/packing_instances.h"

#include <algorithm>
#include <numeric>
#include <string>

#include <sluice/core/error.h>

namespace sluice::bench {
namespace {

using Random = std::mt19937_64;

/// Uniform in [least, most]; unlike the standard's distributions, the same with every library.
std::int64_t between(Random& random, std::int64_t least, std::int64_t most) {
  return least + static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(most - least + 1));
}

/// A buffer with its place: [left, right) of time × [low, high) of memory.
struct Rectangle {
  std::int64_t left, right, low, high;

  std::int64_t width() const { return right - left; }
  std::int64_t height() const { return high - low; }
  double area() const { return static_cast<double>(width()) * static_cast<double>(height()); }
};

using Rectangles = std::vector<Rectangle>;

PackingInstance shuffled(Rectangles rectangles, Random& random) {
  for (std::size_t i = rectangles.size(); i > 1; --i) std::swap(rectangles[i - 1], rectangles[random() % i]);
  PackingInstance instance;
  for (const Rectangle& r : rectangles) {
    instance.items.push_back({.lower = r.left, .upper = r.right, .bytes = static_cast<std::size_t>(r.height())});
    instance.offsets.push_back(static_cast<std::size_t>(r.low));
  }
  return instance;
}

/// Steps of time, enough for as many cuts as are made.
std::int64_t steps_for(std::size_t buffers) { return 8 * static_cast<std::int64_t>(buffers); }

/// Where to cut something of `extent` in two or three: not too near to its ends.
std::int64_t cut(Random& random, std::int64_t extent) {
  return between(random, extent / 5 + 1, extent - extent / 5 - 1);
}

// ---- nested -------------------------------------------------------------------------------------------------------

/// Buffers that live within one another, like those of blocks of a program: `r` is free, and all of its height is used
/// at some time where `full`.
void nest(const Rectangle& r, std::size_t buffers, bool full, Random& random, Rectangles& out) {
  if (buffers <= 1 || r.height() < 4 || r.width() < 4) {
    out.push_back({r.left, r.right, r.low, full ? r.high : r.low + between(random, 1, r.height())});
    return;
  }
  const std::int64_t share = std::max<std::int64_t>(1, r.height() / (2 + between(random, 0, 6)));
  out.push_back({r.left, r.right, r.low, r.low + share});
  const Rectangle above{r.left, r.right, r.low + share, r.high};
  const std::size_t rest = buffers - 1, first = random() % 3 ? rest / 4 + random() % (rest / 2 + 1) : rest;
  // One child that is alive a little shorter, or two that follow one another.
  if (first == rest) {
    const bool late = random() % 2, early = random() % 2;
    nest({above.left + late, above.right - early, above.low, above.high}, rest, full, random, out);
    return;
  }
  const std::int64_t middle = above.left + cut(random, above.width());
  const bool left = random() % 2;
  if (first > 0) nest({above.left, middle, above.low, above.high}, first, full && left, random, out);
  if (rest > first)
    nest({middle, above.right, above.low, above.high}, rest - first, full && (!left || !first), random, out);
}

PackingInstance nested(std::size_t buffers, std::size_t bytes, Random& random) {
  Rectangles out;
  nest({0, steps_for(buffers), 0, static_cast<std::int64_t>(bytes)}, buffers, true, random, out);
  return shuffled(std::move(out), random);
}

// ---- staircase ----------------------------------------------------------------------------------------------------

/// Generations that fill the memory, each in pieces of its own. One dies piece by piece, from one end of the memory to
/// the other; each piece of the next begins as soon as the bytes it lies on are free.
PackingInstance staircase(std::size_t buffers, std::size_t bytes, Random& random) {
  constexpr std::size_t pieces = 20;
  Rectangles out;
  Rectangles alive;  // `right` is when it dies
  std::int64_t now = 0;
  for (std::size_t generation = 0; generation * pieces < buffers; ++generation) {
    std::vector<std::int64_t> borders{0, static_cast<std::int64_t>(bytes)};
    while (borders.size() <= pieces) borders.push_back(between(random, 1, static_cast<std::int64_t>(bytes) - 1));
    std::sort(borders.begin(), borders.end());
    borders.erase(std::unique(borders.begin(), borders.end()), borders.end());
    Rectangles next;
    for (std::size_t i = 0; i + 1 < borders.size(); ++i) {
      Rectangle piece{0, 0, borders[i], borders[i + 1]};
      for (const Rectangle& below : alive)
        if (below.low < piece.high && piece.low < below.high) piece.left = std::max(piece.left, below.right);
      next.push_back(piece);
    }
    // All of the generation is alive before the first of it dies.
    for (const Rectangle& piece : next) now = std::max(now, piece.left);
    if (random() % 2) std::reverse(next.begin(), next.end());
    for (Rectangle& piece : next) piece.right = ++now;
    out.insert(out.end(), next.begin(), next.end());
    alive = std::move(next);
  }
  return shuffled(std::move(out), random);
}

// ---- tilings ------------------------------------------------------------------------------------------------------

/// Cuts the larger ones of the pieces of a rectangle until there are enough; `divide` replaces one piece.
template <class Divide>
Rectangles tiles(std::size_t buffers, std::size_t bytes, Random& random, Divide divide) {
  Rectangles out{{0, steps_for(buffers), 0, static_cast<std::int64_t>(bytes)}};
  while (out.size() < buffers) {
    // The largest of three: pieces of all sizes, but few that cannot be cut.
    std::size_t chosen = random() % out.size();
    for (int other = 0; other < 2; ++other)
      if (const std::size_t i = random() % out.size(); out[i].area() > out[chosen].area()) chosen = i;
    const Rectangle whole = out[chosen];
    if (whole.width() < 6 && whole.height() < 6) continue;
    out[chosen] = out.back();
    out.pop_back();
    divide(whole, out);
  }
  return out;
}

void cut_in_two(const Rectangle& r, Random& random, Rectangles& out) {
  const bool in_time = r.height() < 6 || (r.width() >= 6 && random() % 2);
  Rectangle first = r, second = r;
  if (in_time)
    first.right = second.left = r.left + cut(random, r.width());
  else
    first.high = second.low = r.low + cut(random, r.height());
  out.insert(out.end(), {first, second});
}

/// Straight cuts through a whole piece, again and again.
PackingInstance guillotine(std::size_t buffers, std::size_t bytes, Random& random) {
  return shuffled(
      tiles(buffers, bytes, random, [&](const Rectangle& r, Rectangles& out) { cut_in_two(r, random, out); }), random);
}

/// Four pieces around a fifth: no straight cut divides them.
PackingInstance pinwheel(std::size_t buffers, std::size_t bytes, Random& random) {
  const auto divide = [&](const Rectangle& r, Rectangles& out) {
    if (r.width() < 12 || r.height() < 12) return cut_in_two(r, random, out);
    const std::int64_t x1 = r.left + between(random, 1, r.width() / 2), x2 = between(random, x1 + 1, r.right - 1);
    const std::int64_t y1 = r.low + between(random, 1, r.height() / 2), y2 = between(random, y1 + 1, r.high - 1);
    out.push_back({x1, x2, y1, y2});
    if (random() % 2)
      out.insert(
          out.end(),
          {{r.left, x2, r.low, y1}, {x2, r.right, r.low, y2}, {x1, r.right, y2, r.high}, {r.left, x1, y1, r.high}});
    else
      out.insert(
          out.end(),
          {{x1, r.right, r.low, y1}, {x2, r.right, y1, r.high}, {r.left, x2, y2, r.high}, {r.left, x1, r.low, y2}});
  };
  return shuffled(tiles(buffers, bytes, random, divide), random);
}

/// A guillotine tiling of which one buffer in ten is missing; full at the time in the middle.
PackingInstance thinned(std::size_t buffers, std::size_t bytes, Random& random) {
  const std::size_t before = buffers * 10 / 9;
  const std::int64_t middle = steps_for(before) / 2;
  Rectangles out =
      tiles(before, bytes, random, [&](const Rectangle& r, Rectangles& pieces) { cut_in_two(r, random, pieces); });
  std::erase_if(out, [&](const Rectangle& r) { return (middle < r.left || r.right <= middle) && random() % 10 == 0; });
  return shuffled(std::move(out), random);
}

}  // namespace

std::span<const PackingFamily> packing_families() {
  static constexpr PackingFamily families[] = {
      {"nested", "lifetimes within lifetimes", nested},
      {"staircase", "generations that give way piece by piece", staircase},
      {"guillotine", "full tiling, straight cuts", guillotine},
      {"pinwheel", "full tiling, no straight cuts", pinwheel},
      {"thinned", "guillotine, every tenth missing", thinned},
  };
  return families;
}

std::size_t checked_peak(std::span<const PackingItem> items, std::span<const std::size_t> offsets) {
  std::size_t peak = 0;
  for (std::size_t i = 0; i < items.size(); ++i) {
    peak = std::max(peak, offsets[i] + items[i].bytes);
    for (std::size_t j = 0; j < i; ++j)
      if (items[i].lower < items[j].upper && items[j].lower < items[i].upper &&
          offsets[i] < offsets[j] + items[j].bytes && offsets[j] < offsets[i] + items[i].bytes)
        throw Error("packing: buffers " + std::to_string(j) + " and " + std::to_string(i) + " overlap");
  }
  return peak;
}

}  // namespace sluice::bench
