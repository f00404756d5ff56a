#pragma once

// Kernels over many tensors at once.

#include <cstddef>
#include <cstdint>
#include <vector>

#include <sluice/core/host_device.h>
#include <sluice/kernels/cuda/elementwise.h>
#include <sluice/kernels/shared/segments.h>

namespace sluice::cuda {

/// Some segments, as an argument of a kernel: a launch is recorded with its arguments, and needs no table in device
/// memory. Cut into packs of `width` elements, the last of a segment maybe shorter.
template <class T, int arrays>
struct SegmentChunk {
  static constexpr int capacity = 16;

  T* at[capacity][arrays];
  std::int64_t count[capacity];  ///< elements
  std::int64_t end[capacity];    ///< packs of this segment and all before it
  int size = 0;

  SLUICE_HOST_DEVICE std::int64_t packs() const { return end[size - 1]; }
};

/// The share of thread `thread` of `threads` in the packs of a chunk: body(segment, first element, elements) for each.
/// Plain C++, so that tests run it without a GPU.
template <int width, class T, int arrays, class Body>
SLUICE_HOST_DEVICE void for_each_pack(std::int64_t thread, std::int64_t threads, const SegmentChunk<T, arrays>& chunk,
                                      const Body& body) {
  int segment = 0;
  std::int64_t begin = 0;  // packs before the segment
  for (std::int64_t pack = thread; pack < chunk.packs(); pack += threads) {
    for (; pack >= chunk.end[segment]; ++segment) begin = chunk.end[segment];
    const std::int64_t first = (pack - begin) * width, rest = chunk.count[segment] - first;
    body(segment, first, static_cast<int>(rest < width ? rest : width));
  }
}

/// Segments in as few chunks as they take.
template <class T, int arrays>
class SegmentChunks {
 public:
  SegmentChunks() = default;
  explicit SegmentChunks(const Segments<T, arrays>& segments) {
    for (const auto& segment : segments)
      for (const T* address : segment.addresses)
        if (!allows_wide(address)) width_ = 1;
    for (const auto& segment : segments) append(segment);
  }

  int width() const { return width_; }  ///< elements of a pack: 4 where all addresses allow it, else 1
  auto begin() const { return chunks_.begin(); }
  auto end() const { return chunks_.end(); }
  std::size_t size() const { return chunks_.size(); }

 private:
  void append(const Segment<T, arrays>& segment) {
    if (chunks_.empty() || chunks_.back().size == SegmentChunk<T, arrays>::capacity) chunks_.emplace_back();
    SegmentChunk<T, arrays>& chunk = chunks_.back();
    const std::int64_t before = chunk.size == 0 ? 0 : chunk.packs();
    for (int i = 0; i < arrays; ++i) chunk.at[chunk.size][i] = segment.addresses[static_cast<std::size_t>(i)];
    chunk.count[chunk.size] = segment.count;
    chunk.end[chunk.size] = before + (segment.count + width_ - 1) / width_;
    ++chunk.size;
  }

  int width_ = wide;
  std::vector<SegmentChunk<T, arrays>> chunks_;
};

}  // namespace sluice::cuda
