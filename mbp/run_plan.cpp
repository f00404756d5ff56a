#include <sluice/mbp/run_plan.h>

#include <algorithm>
#include <set>

#include <sluice/core/device.h>
#include <sluice/core/hash.h>

namespace sluice {
namespace {

std::size_t at(int i) { return static_cast<std::size_t>(i); }

using Gradients = std::vector<std::pair<std::shared_ptr<ParameterData>, ValueId>>;

/// The sizes a program needs for logical batches of `batch` out of `samples`, the largest first: it pins the layouts.
struct Sizes {
  std::set<std::int64_t, std::greater<>> sizes;
  std::int64_t slots = 1;

  void add(std::int64_t samples, std::int64_t micro_batch) {
    const MicroBatches split(samples, micro_batch);
    for (const std::int64_t size : split.sizes()) sizes.insert(size);
    slots = std::max(slots, split.replays);
  }
};

PackedPart packed(Part part) {
  PackedPart result{.part = std::move(part), .lifetimes = {}, .packing = {}};
  result.lifetimes = arena_lifetimes(result.part);
  result.packing = pack(result.lifetimes);
  return result;
}

Program lower_program(std::string name, const Graph& graph, StageCut cut, const Sizes& sizes,
                      const Gradients& gradients, StorageTable& storages, Backend& backend,
                      const LoweringOptions& options) {
  Program program;
  program.name = std::move(name);
  program.cut = std::move(cut);
  Lowering lowering(graph, program.cut, storages, backend, options, gradients);
  const int stages = static_cast<int>(program.cut.stages.size());
  program.accumulators.resize(at(stages));
  program.prologue = packed(lowering.prologue());
  for (const std::int64_t size : sizes.sizes) {
    std::vector<PackedPart>& parts = program.replayed[size];
    for (int s = 0; s < stages; ++s) parts.push_back(packed(lowering.replayed(s, size, sizes.slots)));
  }
  for (int s = 0; s < stages; ++s) {
    program.once.push_back(packed(lowering.once(s)));
    std::set<int> cleared;
    const Part& part = program.replayed.begin()->second[at(s)].part;
    for (const Instruction& instruction : part.instructions)
      if (instruction.accumulates)
        for (const int output : instruction.outputs) cleared.insert(part.values[at(output)].storage);
    program.accumulators[at(s)].assign(cleared.begin(), cleared.end());
  }
  program.writers = packed(lowering.writers());
  for (const Instruction& writer : program.writers.part.instructions)
    for (const int i : writer.cleared)
      program.left_clear.push_back(program.writers.part.values[at(writer.inputs[at(i)])].storage);
  std::sort(program.left_clear.begin(), program.left_clear.end());
  for (int s = -1; s < stages; ++s) program.derived.push_back(packed(lowering.take_derived(s)));
  for (ValueId v = 0; v < graph.values(); ++v) program.storage_of.push_back(lowering.storage_of(v));
  return program;
}

/// What the loader writes while a replay reads the input storages.
void add_incoming(StorageTable& storages, const DataSpec& data, std::int64_t largest) {
  for (const FieldSpec& field : data.fields) {
    if (storages.find("input:" + field.name) < 0) continue;  // no program reads it
    storages.get("incoming:" + field.name, {.name = field.name + " incoming",
                                            .layer = "input",
                                            .category = Category::staging,
                                            .dims = field.shape.with_leading(largest),
                                            .dtype = field.dtype,
                                            .layout = {}});
  }
}

/// Storages region by region and category by category, so that parameters, gradients and state are flat; then the
/// arena, which begins with the values kept across stages.
void place(RunPlan& plan) {
  Plan& summary = plan.summary;
  plan.storage_offsets.assign(at(plan.storages.size()), 0);
  std::size_t end = 0;
  std::size_t kept_bytes = 0;
  for (const Region region : {Region::persistent, Region::derived, Region::staging, Region::arena}) {
    const std::size_t begin = end;
    for (int c = 0; c < static_cast<int>(Category::count); ++c) {
      const auto category = static_cast<Category>(c);
      if (region_of(category) != region) continue;
      // Lowering meets values from last to first and training first of all: backwards, parameters lie in the model's
      // order, and what only an evaluation uses lies below what every step touches.
      for (int id = plan.storages.size() - 1; id >= 0; --id) {
        if (plan.storages[id].category != category) continue;
        plan.storage_offsets[at(id)] = end;
        end += plan.storages.bytes(id);
      }
    }
    if (region == Region::persistent) summary.persistent_bytes = end - begin;
    if (region == Region::derived) summary.derived_bytes = end - begin;
    if (region == Region::staging) summary.staging_bytes = end - begin;
    if (region == Region::arena) kept_bytes = end - begin;
  }
  plan.arena_offset = end;
  summary.arena_bytes = summary.arena_lower_bound_bytes = kept_bytes;
}

/// The ledger: storages as they are, and the arena at the moment of its highest use in the part that decides its size.
void account(RunPlan& plan) {
  Plan& summary = plan.summary;
  for (int id = 0; id < plan.storages.size(); ++id)
    summary.ledger.plan(plan.storages[id].category, plan.storages[id].layer, plan.storages.bytes(id));

  std::size_t peak = 0, bound = 0;
  const PackedPart* largest = nullptr;
  for (Program* program : {&plan.train, &plan.evaluate, &plan.predict})
    program->for_each_part([&](PackedPart& part) {
      bound = std::max(bound, part.packing.lower_bound_bytes);
      if (part.packing.peak_bytes <= peak) return;
      peak = part.packing.peak_bytes;
      largest = &part;
    });
  summary.arena_bytes += peak;
  summary.arena_lower_bound_bytes += bound;
  plan.peak_part = largest;
  if (!largest) return;

  std::size_t most = 0;
  for (int i = 0; i < static_cast<int>(largest->part.instructions.size()); ++i) {
    std::size_t live = 0;
    for (const Lifetime& l : largest->lifetimes)
      if (l.first <= i && i <= l.last) live += l.bytes;
    if (live > most) {
      most = live;
      plan.peak_instruction = i;
    }
  }
  visit_peak(plan, [&](Category category, const std::string& layer, const Lifetime& l, int) {
    summary.ledger.plan(category, layer, l.bytes);
  });
  // What the packing leaves between live values belongs to nobody, and is listed so.
  if (peak > most) summary.ledger.plan(Category::activation, fragmentation_layer, peak - most);
}

void hash_part(Hash& hash, const PackedPart& packed) {
  hash.add(packed.part.name).add(static_cast<std::uint64_t>(packed.part.micro_batch));
  for (const Instruction& instruction : packed.part.instructions) {
    hash.add(instruction.str()).add(instruction.kernel->algorithm()).add(instruction.workspace_bytes);
    for (const int v : instruction.inputs) hash.add(static_cast<std::uint64_t>(v));
    for (const int v : instruction.outputs) hash.add(static_cast<std::uint64_t>(v));
  }
  for (const PartValue& value : packed.part.values)
    hash.add(value.name)
        .add(value.dims.str())
        .add(value.layout.identity())
        .add(static_cast<std::uint64_t>(value.storage));
  for (const std::size_t offset : packed.packing.offsets) hash.add(offset);
}

std::string plan_hash(RunPlan& plan, const RunPlanRequest& request) {
  Hash hash;
  hash.add(request.backend->fingerprint());
  hash.add(request.training->graph->fingerprint()).add(request.evaluation->graph->fingerprint());
  hash.add(static_cast<std::uint64_t>(request.batch)).add(static_cast<std::uint64_t>(request.data->samples));
  for (int id = 0; id < plan.storages.size(); ++id)
    hash.add(plan.storages[id].name)
        .add(plan.storages.bytes(id))
        .add(plan.storage_offsets[at(id)])
        .add(plan.storages.layout(id).identity());
  for (Program* program : {&plan.train, &plan.evaluate, &plan.predict})
    program->for_each_part([&](PackedPart& part) { hash_part(hash, part); });
  return hash.str();
}

bool split_dependent(const Program& program) {
  for (const auto& [size, stages] : program.replayed)
    for (const PackedPart& packed : stages)
      for (const Instruction& instruction : packed.part.instructions)
        if (instruction.split_dependent) return true;
  return false;
}

std::vector<ValueId> ids(std::initializer_list<Var> vars, const std::vector<std::pair<std::string, Var>>& named) {
  std::vector<ValueId> ids;
  for (const Var& var : vars) ids.push_back(var.id());
  for (const auto& [name, var] : named) ids.push_back(var.id());
  return ids;
}

void lower_programs(RunPlan& plan, const RunPlanRequest& request) {
  const LoweringOptions options{.workspace_cap_bytes = request.workspace_cap_bytes, .chooser = request.chooser};
  Sizes training_sizes, evaluation_sizes;
  training_sizes.add(request.batch, request.micro_batch);
  if (const std::int64_t tail = request.data->samples % request.batch) training_sizes.add(tail, request.micro_batch);
  evaluation_sizes.add(request.evaluation_samples, std::min(request.micro_batch, request.evaluation_samples));

  const StepGraph& training = *request.training;
  Gradients gradients;
  std::vector<ValueId> outputs = ids({training.loss, training.finite}, training.metrics);
  for (const auto& [parameter, gradient] : training.gradients) {
    gradients.emplace_back(parameter, gradient.id());
    outputs.push_back(gradient.id());
  }
  plan.train = lower_program("train", *training.graph, cut_into_stages(*training.graph, outputs, request.crossing),
                             training_sizes, gradients, plan.storages, *request.backend, options);

  const StepGraph& evaluation = *request.evaluation;
  outputs = ids({evaluation.loss}, evaluation.metrics);
  plan.evaluate =
      lower_program("evaluate", *evaluation.graph, cut_into_stages(*evaluation.graph, outputs, request.crossing),
                    evaluation_sizes, {}, plan.storages, *request.backend, options);
  if (!evaluation.predictions.empty()) {
    outputs = ids({}, evaluation.predictions);
    plan.predict =
        lower_program("predict", *evaluation.graph, cut_into_stages(*evaluation.graph, outputs, request.crossing),
                      evaluation_sizes, {}, plan.storages, *request.backend, options);
  }
  for (const Sizes* sizes : {&training_sizes, &evaluation_sizes})
    for (const std::int64_t size : sizes->sizes) plan.summary.sizes.push_back(size);
  std::sort(plan.summary.sizes.begin(), plan.summary.sizes.end(), std::greater<>());
  plan.summary.sizes.erase(std::unique(plan.summary.sizes.begin(), plan.summary.sizes.end()), plan.summary.sizes.end());
}

}  // namespace

std::unique_ptr<RunPlan> make_run_plan(const RunPlanRequest& request) {
  auto plan = std::make_unique<RunPlan>();
  Plan& summary = plan->summary;
  lower_programs(*plan, request);
  add_incoming(plan->storages, *request.data, summary.sizes.front());

  const MicroBatches split(request.batch, request.micro_batch);
  summary.device = request.backend->description();
  summary.samples = request.data->samples;
  summary.batch = request.batch;
  summary.micro_batch = split.size(0);
  summary.replays = split.replays;
  summary.steps_per_epoch = (summary.samples + request.batch - 1) / request.batch;
  summary.tail = summary.samples % request.batch;
  summary.stages = static_cast<int>(plan->train.cut.stages.size());
  summary.split_dependent = split_dependent(plan->train);
  summary.workspace_cap_bytes = request.workspace_cap_bytes;
  place(*plan);
  account(*plan);
  summary.hash = plan_hash(*plan, request);
  return plan;
}

}  // namespace sluice
