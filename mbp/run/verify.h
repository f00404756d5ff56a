#pragma once

#include <cstddef>
#include <map>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <sluice/mbp/run/slab.h>
#include <sluice/mbp/run/touched_lines.h>

namespace sluice {

/// Verify mode: runs kernels one by one. It overwrites the outputs and workspace of a kernel with a pattern before the
/// kernel, and compares every other byte of the slab and of the guard above it afterwards. It has a copy of the slab on
/// the host, or two if the host cannot read the device's memory.
class Verifier {
 public:
  static constexpr std::size_t guard_bytes = std::size_t{1} << 20;

  /// Everything written so far (parameters, constants) counts as touched. Prints warning_of_cost() on stderr if it is
  /// not empty.
  Verifier(Slab& slab, unsigned char poison);
  /// Returns a warning of the cost of verify mode with a slab of so many bytes; empty if the cost is small.
  /// `host_visible`: the host can read the device's memory.
  static std::string warning_of_cost(std::size_t slab_bytes, bool host_visible);

  /// Runs a part. Throws VerifyError naming the kernel and what it overwrote.
  void run(const PackedPart& part, const RunContext& context);
  /// Must be called after the host wrote a storage between kernels.
  void host_wrote(int storage);
  std::size_t copies_bytes() const { return shadow_.size() + content_.size(); }
  /// Copies the slab anew, after kernels ran without verification.
  void resync();

  /// Returns the end, from the region's beginning, of the highest range in which a byte has changed.
  std::size_t measured_bytes(Region region) const;
  std::size_t measured_peak_bytes() const;
  /// Valid as long as the verifier.
  TouchedMemory touched() const;

 private:
  struct Range {
    std::size_t begin = 0, end = 0;  ///< in the slab
    int storage = -1;                ///< or
    int lifetime = -1;               ///< of the part
    bool fresh = false;              ///< the kernel writes all of it, so the pattern may be written first
  };
  std::vector<Range> ranges_of(const PackedPart& part, int instruction) const;
  Range range_of_value(const PackedPart& part, int value) const;
  void poison_outputs(const std::vector<Range>& ranges);
  using Bytes = std::span<const std::byte>;  // of the slab, as they are
  Bytes content();
  void check_others(const PackedPart& part, const Instruction& instruction, std::vector<Range> ranges, Bytes now) const;
  void check_cleared(const PackedPart& part, const Instruction& instruction, Bytes now) const;
  void note_changes(const PackedPart& part, const std::vector<Range>& ranges, Bytes now);
  std::string owner_of(const PackedPart& part, std::size_t offset) const;
  void note_touched(const PackedPart* part, const Range& range);

  Slab& slab_;
  unsigned char poison_;
  std::vector<std::byte> shadow_, content_;
  std::vector<int> incoming_;  // storages the loader may write at any time
  std::set<int> touched_storages_;
  std::set<std::pair<const PackedPart*, int>> touched_lifetimes_;
};

}  // namespace sluice
