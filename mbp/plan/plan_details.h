#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sluice/mbp/plan/plan.h>

namespace sluice {

struct PackedPart;
struct Program;
struct RunPlan;
struct TouchedMemory;
struct StepGraph;

/// The use of bytes in the arena, finer than a category.
enum class Role : std::uint8_t {
  activation,  ///< a value of the forward pass
  gradient,    ///< a value of the backward pass
  copy,        ///< a copy of a value: in another layout, or loaded from where it was stored across stages
  workspace,   ///< scratch memory of a kernel
};
std::string_view name(Role role);

/// When a part runs.
enum class PartKind : std::uint8_t { prologue, derived, replayed, once, writers };
std::string_view name(PartKind kind);

/// How the bytes of a run were measured.
enum class MeasuredBy : std::uint8_t {
  nothing,   ///< the run has not begun
  scanned,   ///< by a scan for bytes that no longer hold the slab's initial fill (touched_in)
  verified,  ///< by comparing the slab before and after each kernel (verify mode)
};
std::string_view name(MeasuredBy how);

// Offsets are bytes from the beginning of the slab. Measured bytes are absent if they were not measured.

/// A part of the slab.
struct RegionDetails {
  Region region = Region::persistent;
  std::size_t offset = 0, bytes = 0;
  std::optional<std::size_t> measured_bytes = {};  ///< end of the highest touched byte in the region
};

/// Bytes that outlive a replay.
struct StorageDetails {
  std::string name = {}, layer = {};
  Category category = Category::batch;
  std::size_t offset = 0, bytes = 0;
  std::int64_t slots = 1;  ///< more than 1: one copy for each micro-batch
  std::optional<std::size_t> measured_bytes = {};
};

/// A kernel of a part.
struct InstructionDetails {
  std::string name = {}, layer = {}, algorithm = {};
  int node = -1;  ///< of the program's graph; -1: a copy
  std::size_t workspace_bytes = 0;
  bool backward = false;    ///< only gradients depend on it, not the loss or the metrics
  bool recomputed = false;  ///< the same node ran before, in this part or for an earlier stage
  bool accumulates = false;
};

/// Bytes of the arena that are reserved from instruction `first`, which writes them, to `last`.
struct ItemDetails {
  std::string name = {}, layer = {};
  std::string shares = {};  ///< values that overwrite it in place: "relu, relu_grad"
  Category category = Category::activation;
  Role role = Role::activation;
  int first = 0, last = 0;  ///< `last` is the number of instructions if it is read after the part
  std::size_t offset = 0, bytes = 0;
  std::optional<std::size_t> measured_bytes = {};
};

/// A list of kernels that run one after the other, and their bytes in the arena.
struct PartDetails {
  std::string program;  ///< "train", "evaluate", "predict"
  std::string name;     ///< "stage 0"
  PartKind kind = PartKind::replayed;
  int stage = -1;                ///< -1: before the first
  std::int64_t micro_batch = 0;  ///< 0: batch values only
  std::vector<InstructionDetails> instructions = {};
  std::vector<ItemDetails> items = {};
  std::vector<std::size_t> live_bytes = {};  ///< while each instruction runs
  std::size_t lower_bound_bytes = 0;         ///< the largest of live_bytes
  std::size_t peak_bytes = 0;                ///< bytes that the packing takes

  int peak_instruction() const;
};

/// A storage, value or workspace that holds bytes at the peak.
struct Holder {
  std::string name = {}, layer = {};
  Category category = Category::activation;
  std::size_t bytes = 0;
  std::optional<std::size_t> measured_bytes = {};
};

/// All details of a plan as data. It may be copied, printed and drawn after plan and trainer are destroyed.
struct PlanDetails {
  Plan summary;
  std::vector<RegionDetails> regions;
  std::vector<StorageDetails> storages;
  std::size_t arena_offset = 0;    ///< end of the values stored across stages; parts use the bytes above it
  std::vector<PartDetails> parts;  ///< the parts that have instructions, in running order
  int peak_part = -1;              ///< index of the part that decides the arena's size
  MeasuredBy measured_by = MeasuredBy::nothing;
  Ledger ledger;  ///< planned bytes and, if measured, touched bytes

  /// Returns the storages, and the values and workspaces alive at the arena's peak, the largest first.
  std::vector<Holder> holders_at_peak() const;
  /// Returns the same added up by layer; `name` is empty.
  std::vector<Holder> layers_at_peak() const;
};

/// Collects the details of `plan`. `training`: decides which instructions are backward; ignored if no training is
/// planned. `touched`: the measured bytes; null: nothing ran.
PlanDetails make_plan_details(const RunPlan& plan, const StepGraph& training, const TouchedMemory* touched = nullptr);

/// A part and where it stands in the schedule.
struct PartPlace {
  const Program* program = nullptr;
  PartKind kind = PartKind::replayed;
  int stage = -1;
  const PackedPart* part = nullptr;
};
/// Returns all parts in the order of PlanDetails::parts.
std::vector<PartPlace> parts_in_order(const RunPlan& plan);

}  // namespace sluice
