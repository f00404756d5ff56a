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

/// What the bytes of the arena are for; finer than a category.
enum class Role : std::uint8_t {
  activation,  ///< what the loss and the metrics are computed from
  gradient,    ///< made on the way from the loss to the parameters
  copy,        ///< a value once more: in another layout, or brought back from where it was kept
  workspace,   ///< a kernel's own
};
std::string_view name(Role role);

/// When a part runs.
enum class PartKind : std::uint8_t { prologue, derived, replayed, once, writers };
std::string_view name(PartKind kind);

/// How the measured bytes of a run are known.
enum class MeasuredBy : std::uint8_t {
  nothing,   ///< it has not run
  scanned,   ///< bytes that no longer hold the slab's first fill (touched_in)
  verified,  ///< bytes that were seen to change around a kernel (verify mode)
};
std::string_view name(MeasuredBy how);

// Offsets are bytes from the beginning of the slab. Measured bytes are absent where nobody looked.

/// A part of the slab.
struct RegionDetails {
  Region region = Region::persistent;
  std::size_t offset = 0, bytes = 0;
  std::optional<std::size_t> measured_bytes = {};  ///< the end of what was touched
};

/// Bytes that outlive a replay.
struct StorageDetails {
  std::string name = {}, layer = {};
  Category category = Category::batch;
  std::size_t offset = 0, bytes = 0;
  std::int64_t slots = 1;  ///< more than 1: kept for every micro-batch
  std::optional<std::size_t> measured_bytes = {};
};

/// A kernel of a part.
struct InstructionDetails {
  std::string name = {}, layer = {}, algorithm = {};
  int node = -1;  ///< of the program's graph; -1: a copy
  std::size_t workspace_bytes = 0;
  bool backward = false;    ///< gradients need it, and neither loss nor metrics do
  bool recomputed = false;  ///< the same node ran before, in this part or for an earlier stage
  bool accumulates = false;
};

/// Bytes of the arena that nothing else may use from instruction `first`, which writes them, to `last`.
struct ItemDetails {
  std::string name = {}, layer = {};
  std::string shares = {};  ///< what else lies here after it, in place: "relu, relu_grad"
  Category category = Category::activation;
  Role role = Role::activation;
  int first = 0, last = 0;  ///< `last` may be the number of instructions: it lives on to the end
  std::size_t offset = 0, bytes = 0;
  std::optional<std::size_t> measured_bytes = {};
};

/// A list of kernels that run one after the other, and what they keep in the arena.
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
  std::size_t peak_bytes = 0;                ///< what the packing takes

  int peak_instruction() const;
};

/// Something that holds bytes at the peak.
struct Holder {
  std::string name = {}, layer = {};
  Category category = Category::activation;
  std::size_t bytes = 0;
  std::optional<std::size_t> measured_bytes = {};
};

/// Everything that a plan says, as data: free to be copied, printed and drawn after plan and trainer are gone.
struct PlanDetails {
  Plan summary;
  std::vector<RegionDetails> regions;
  std::vector<StorageDetails> storages;
  std::size_t arena_offset = 0;    ///< behind values kept across stages; parts use what is above
  std::vector<PartDetails> parts;  ///< those that have instructions, in running order
  int peak_part = -1;              ///< decides the arena's size
  MeasuredBy measured_by = MeasuredBy::nothing;
  Ledger ledger;  ///< planned and, as far as it is known, measured

  /// Storages, and what lives at the arena's peak, the largest first.
  std::vector<Holder> holders_at_peak() const;
  /// The same by layer; `name` is empty.
  std::vector<Holder> layers_at_peak() const;
};

/// `training`: tells forward from backward; where no step is planned nobody looks at it. `touched`: the measured side;
/// null: nothing ran.
PlanDetails make_plan_details(const RunPlan& plan, const StepGraph& training, const TouchedMemory* touched = nullptr);

/// A part with its place in the schedule.
struct PartPlace {
  const Program* program = nullptr;
  PartKind kind = PartKind::replayed;
  int stage = -1;
  const PackedPart* part = nullptr;
};
/// The order of PlanDetails::parts.
std::vector<PartPlace> parts_in_order(const RunPlan& plan);

}  // namespace sluice
