#include <algorithm>

#include <sluice/kernels/cuda/cuda_backend.h>
#include <sluice/kernels/cuda/grid.h>
#include <sluice/kernels/cuda/launch.h>
#include <sluice/kernels/cuda/pinned_memory.h>

namespace sluice::cuda {
namespace {

constexpr std::size_t piece_words = 16 << 10;  // of a launch: few enough for a small buffer, many enough to fill a GPU

/// A line a thread, a word of `words` a warp: bit l of it is whether line l of its 32 has a byte that `fill`, four
/// times the same, has not. A line is `packs` accesses of 16 bytes.
__global__ void changed_lines_kernel(const uint4* data, std::int64_t lines, int packs, std::uint32_t fill,
                                     std::uint32_t* words) {
  const std::int64_t padded = (lines + warp_threads - 1) / warp_threads * warp_threads;  // all lanes vote
  for (std::int64_t line = grid_thread(); line < padded; line += grid_threads()) {
    std::uint32_t different = 0;
    for (int p = 0; p < packs && line < lines; ++p) {
      const uint4 x = data[line * packs + p];
      different |= (x.x ^ fill) | (x.y ^ fill) | (x.z ^ fill) | (x.w ^ fill);
    }
    const unsigned word = __ballot_sync(whole_warp, different != 0);
    if (line % warp_threads == 0) words[line / warp_threads] = word;
  }
}

}  // namespace

std::vector<std::uint32_t> CudaBackend::changed_lines(const void* device, std::size_t bytes, std::size_t line_bytes,
                                                      unsigned char fill) {
  const std::size_t lines = bytes / line_bytes;
  std::vector<std::uint32_t> words((bytes + 32 * line_bytes - 1) / (32 * line_bytes));
  const PinnedMemory piece(std::min(words.size(), piece_words) * sizeof(std::uint32_t), "the lines that changed");
  auto* const of_piece = reinterpret_cast<std::uint32_t*>(piece.data());
  const auto* const data = static_cast<const std::byte*>(device);
  for (std::size_t first = 0; first < lines; first += 32 * piece_words) {
    const std::size_t count = std::min(lines - first, 32 * piece_words);
    launch(queue_, static_cast<std::int64_t>(count), changed_lines_kernel,
           reinterpret_cast<const uint4*>(data + first * line_bytes), static_cast<std::int64_t>(count),
           static_cast<int>(line_bytes / sizeof(uint4)), 0x01010101u * fill, of_piece);
    synchronize();
    std::copy_n(of_piece, (count + 31) / 32, words.begin() + static_cast<std::ptrdiff_t>(first / 32));
  }
  if (const std::size_t rest = bytes - lines * line_bytes; rest > 0)
    words[lines / 32] |= Backend::changed_lines(data + lines * line_bytes, rest, line_bytes, fill)[0] << (lines % 32);
  return words;
}

}  // namespace sluice::cuda
