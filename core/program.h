#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <sluice/core/graph.h>
#include <sluice/core/kernel.h>
#include <sluice/core/ledger.h>
#include <sluice/core/storage_key.h>

namespace sluice {

/// Addresses and sizes of everything in the slab are multiples of this.
inline constexpr std::size_t slab_alignment = 64;
constexpr std::size_t aligned(std::size_t bytes) {
  return (bytes + slab_alignment - 1) / slab_alignment * slab_alignment;
}

/// Memory that outlives a replay: one address for the whole run, shared by all programs of the run.
struct Storage {
  StorageKey key = {};  ///< set by the table
  std::string name;     ///< what it holds, for people
  std::string layer;    ///< whose it is
  Category category = Category::batch;
  Shape dims;
  DType dtype = DType::f32;  ///< as stored on the device
  Layout layout;
  bool pinned = true;      ///< false: no kernel has chosen the layout yet
  int layout_of = -1;      ///< shares the layout of that storage (gradient and optimizer state with their parameter)
  std::int64_t slots = 1;  ///< values kept across stages: one slot per micro-batch
  std::size_t least_bytes = 0;    ///< staging, kept values: the largest micro-batch decides
  std::optional<Leaf> leaf = {};  ///< what initialises it, when it is a leaf of the graph
};

/// All storages of a run, by key.
class StorageTable {
 public:
  /// The storage with this key, made from `fresh` at its first mention.
  int get(const StorageKey& key, Storage fresh);
  /// −1: there is none.
  int find(const StorageKey& key) const;
  int size() const { return static_cast<int>(storages_.size()); }
  const Storage& operator[](int id) const { return storages_[static_cast<std::size_t>(id)]; }
  Storage& operator[](int id) { return storages_[static_cast<std::size_t>(id)]; }

  /// The layout as far as it is known, following layout_of.
  const Layout& layout(int id) const;
  bool pinned(int id) const;
  void pin(int id, const Layout& layout);
  /// Bytes of one slot, not aligned.
  std::size_t slot_bytes(int id) const;
  /// Aligned bytes of all slots.
  std::size_t bytes(int id) const;

 private:
  int root(int id) const;

  std::vector<Storage> storages_;
  std::map<StorageKey, int> ids_;
};

/// A value as one part of a program sees it.
struct PartValue {
  std::string name, layer;
  Category category = Category::activation;
  Shape dims;
  DType dtype = DType::f32;
  Layout layout;
  int storage = -1;   ///< lives there; −1: in the arena
  int alias = -1;     ///< shares the memory of this value of the part (in place, view)
  bool view = false;  ///< is those same bytes under another shape
  int first = -1;     ///< index of the instruction that writes it
  int last = -1;      ///< index of the last instruction that touches it
  ValueId value = -1;

  std::size_t bytes() const { return layout.bytes(dims, dtype); }
};

/// A kernel with its operands, in running order.
struct Instruction {
  std::string name;  ///< op type
  std::string layer;
  NodeId node = -1;                  ///< −1: a reorder, or a copy of a kept value
  std::shared_ptr<Kernel> kernel;    ///< of one part only: it holds addresses
  std::vector<int> inputs, outputs;  ///< values of the part
  std::vector<int> mutated;          ///< inputs written in place
  std::vector<int> cleared = {};     ///< inputs left at zero (Op::clears)
  std::vector<int> in_place = {};    ///< inputs that output 0 may overwrite, the preferred one first
  std::size_t workspace_bytes = 0;
  double flops = 0;  ///< as Op::flops, of the whole micro-batch
  bool accumulates = false;
  bool split_dependent = false;                              ///< Op::split_dependent
  bool cheap = true;                                         ///< Op::cheap
  bool again = false;                                        ///< computes what an earlier instruction has computed
  std::function<std::unique_ptr<Kernel>()> make_again = {};  ///< another kernel like this one, not bound

  std::string str() const { return layer.empty() ? name : layer + " " + name; }
};

/// A list of kernels that run one after the other: a replayed part for one micro-batch size, a once part, the prologue.
struct Part {
  std::string name;
  std::int64_t micro_batch = 0;  ///< 0: batch nodes only
  std::vector<PartValue> values;
  std::vector<Instruction> instructions;
  std::vector<int> kept_to_end = {};  ///< values that somebody reads after the part

  /// Appends a value; returns its index.
  int add(PartValue value);
  /// Appends an instruction, which has its kernel, and takes the workspace from that.
  void add(Instruction instruction);
  /// The value whose memory `value` uses.
  int root(int value) const;
};

/// Fills in first and last of every value from the instructions, and lets instructions that may do so write over an
/// input that dies with them.
void set_lifetimes(Part& part);

/// Bytes of the arena values of a part that must not overlap: [first, last] by instruction, aligned. Workspaces
/// included.
struct Lifetime {
  int first = 0, last = 0;
  std::size_t bytes = 0;
  int value = -1;        ///< value of the part; −1: a workspace
  int instruction = -1;  ///< whose workspace
};
std::vector<Lifetime> arena_lifetimes(const Part& part);

/// Addresses for every value and workspace of a part: `storage_address(id)` for storages; `offset(i)` of lifetimes[i]
/// into the arena. Calls Kernel::bind.
struct PartAddresses {
  std::vector<void*> values;      ///< by value of the part
  std::vector<void*> workspaces;  ///< by instruction
};
PartAddresses bind_part(Part& part, std::span<void* const> storage_addresses, std::byte* arena,
                        std::span<const Lifetime> lifetimes, std::span<const std::size_t> offsets);

/// Runs a part's kernels in order.
void run_part(const Part& part, const RunContext& context);

}  // namespace sluice
