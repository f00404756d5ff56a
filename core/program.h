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
  std::string layer;    ///< the layer that it belongs to
  Category category = Category::batch;
  Shape dims;
  DType dtype = DType::f32;  ///< as stored on the device
  Layout layout;
  bool pinned = true;      ///< false: no kernel has chosen the layout yet
  int layout_of = -1;      ///< shares the layout of that storage (gradient and optimizer state with their parameter)
  std::int64_t slots = 1;  ///< values stored across stages: one slot per micro-batch
  std::size_t least_bytes = 0;    ///< staging, values stored across stages: bytes for the largest micro-batch
  std::optional<Leaf> leaf = {};  ///< the leaf of the graph that it holds, which gives its first value
};

/// All storages of a run, by key.
class StorageTable {
 public:
  /// Returns the storage with this key. Adds `fresh` under this key if there is none.
  int get(const StorageKey& key, Storage fresh);
  /// Returns the storage with this key; −1 if there is none.
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
  int storage = -1;   ///< the storage that holds it; −1: it lies in the arena
  int alias = -1;     ///< shares the memory of this value of the part (in place, view)
  bool view = false;  ///< it is the bytes of `alias` under another shape
  int first = -1;     ///< index of the instruction that writes it
  int last = -1;      ///< index of the last instruction that touches it
  ValueId value = -1;

  std::size_t bytes() const { return layout.bytes(dims, dtype); }
};

/// A kernel with its operands, in running order.
struct Instruction {
  std::string name;  ///< op type
  std::string layer;
  NodeId node = -1;                  ///< −1: a reorder, or a copy of a value stored across stages
  std::shared_ptr<Kernel> kernel;    ///< not shared between parts, because it holds addresses
  std::vector<int> inputs, outputs;  ///< values of the part
  std::vector<int> mutated;          ///< inputs written in place
  std::vector<int> cleared = {};     ///< inputs left at zero (Op::clears)
  std::vector<int> in_place = {};    ///< inputs that output 0 may overwrite, the preferred one first
  std::size_t workspace_bytes = 0;
  double flops = 0;  ///< as Op::flops, of the whole micro-batch
  bool accumulates = false;
  bool split_dependent = false;  ///< Op::split_dependent
  bool cheap = true;             ///< Op::cheap
  bool recomputed = false;       ///< it recomputes the outputs of an earlier instruction
  /// Makes another kernel like this one, not bound. Empty: the instruction cannot be recomputed.
  std::function<std::unique_ptr<Kernel>()> clone_kernel = {};

  std::string str() const { return layer.empty() ? name : layer + " " + name; }
};

/// A list of kernels that run one after the other: a replayed part for one micro-batch size, a once part, the prologue.
struct Part {
  std::string name;
  std::int64_t micro_batch = 0;  ///< 0: batch nodes only
  std::vector<PartValue> values;
  std::vector<Instruction> instructions;
  std::vector<int> live_out = {};  ///< values that are read after the part

  /// Appends a value; returns its index.
  int add(PartValue value);
  /// Appends an instruction, and sets its workspace_bytes from its kernel.
  void add(Instruction instruction);
  /// The value whose memory `value` uses.
  int root(int value) const;
};

/// Sets `first` and `last` of every value from the instructions. Lets an instruction write in place over an input
/// (Instruction::in_place) that has no later reader.
void set_lifetimes(Part& part);

/// A value or workspace in the arena, and the interval [first, last] of instructions in which it is alive. `bytes` is
/// aligned. Lifetimes that overlap must not share bytes.
struct Lifetime {
  int first = 0, last = 0;
  std::size_t bytes = 0;
  int value = -1;        ///< value of the part; −1: a workspace
  int instruction = -1;  ///< of a workspace: the instruction that uses it
};
/// Returns the lifetimes of all values and workspaces of a part that lie in the arena.
std::vector<Lifetime> arena_lifetimes(const Part& part);

/// The addresses of the values and workspaces of a part.
struct PartAddresses {
  std::vector<void*> values;      ///< by value of the part
  std::vector<void*> workspaces;  ///< by instruction
};
/// Binds every kernel of a part (Kernel::bind) and returns the addresses: that of its storage for a value in a storage,
/// else `arena` + the offset of its lifetime.
PartAddresses bind_part(Part& part, std::span<void* const> storage_addresses, std::byte* arena,
                        std::span<const Lifetime> lifetimes, std::span<const std::size_t> offsets);

/// Runs a part's kernels in order.
void run_part(const Part& part, const RunContext& context);

}  // namespace sluice
