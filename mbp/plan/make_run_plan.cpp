#include <sluice/mbp/plan/make_run_plan.h>

#include <algorithm>
#include <set>

#include <sluice/core/at.h>
#include <sluice/core/device.h>
#include <sluice/core/lowering.h>
#include <sluice/mbp/plan/account.h>
#include <sluice/mbp/plan/arrange.h>
#include <sluice/mbp/plan/micro_batches.h>
#include <sluice/mbp/plan/pack_lifetimes.h>
#include <sluice/mbp/plan/part_model.h>

namespace sluice {
namespace {

using Gradients = std::vector<std::pair<std::shared_ptr<ParameterData>, ValueId>>;

/// The sizes a program needs, the largest first: it pins the layouts.
struct Sizes {
  std::set<std::int64_t, std::greater<>> sizes;
  std::int64_t slots = 1;

  void add(const MicroBatches& split) {
    for (const std::int64_t size : split.sizes()) sizes.insert(size);
    slots = std::max(slots, split.replays);
  }
};

PackedPart unpacked(Part part) { return {.part = std::move(part), .lifetimes = {}, .packing = {}}; }

/// Puts every part into the order it will run in, and its values into the arena. Parts that run once are left as they
/// are: their results live in storages, which may follow one another in the same memory. `arena_bytes`: of the parts so
/// far; no part needs to be packed more tightly.
void arrange_and_pack(Program& program, const ArrangeOptions& options, std::size_t& arena_bytes) {
  const auto pack_part = [&](PackedPart& packed) {
    const PackingLimits limits{.effort = options.passes.search ? PackingLimits{}.effort : 0,
                               .capacity_bytes = arena_bytes};
    packed.lifetimes = arena_lifetimes(packed.part);
    packed.packing = pack(packed.lifetimes, limits);
  };
  program.for_each_part([&](PackedPart& packed) {
    if (packed.part.micro_batch == 0) pack_part(packed);
  });
  // Of the sizes that occur, the largest first: what is found for it does for the others, which differ little.
  std::vector<KnownOrders> known(program.cut.stages.size());
  for (auto sizes = program.replayed.rbegin(); sizes != program.replayed.rend(); ++sizes)
    for (std::size_t stage = 0; stage < known.size(); ++stage) {
      PackedPart& packed = sizes->second[stage];
      const Part part = std::move(packed.part);
      ArrangeOptions tighter = options;
      // Where the packing leaves gaps, what is alive must be that much less.
      for (int attempt = 0; attempt < 4; ++attempt) {
        packed.part = arranged(part, tighter, known[stage]);
        pack_part(packed);
        const std::size_t gaps = packed.packing.peak_bytes - packed.packing.lower_bound_bytes;
        if (options.recompute != Recompute::automatic || packed.packing.peak_bytes <= options.arena_bytes ||
            gaps == 0 || gaps >= tighter.arena_bytes)
          break;
        tighter.arena_bytes -= gaps;
      }
      arena_bytes = std::max(arena_bytes, packed.packing.peak_bytes);
    }
  program.for_each_part([](PackedPart& packed) {
    for (Instruction& instruction : packed.part.instructions)
      instruction.clone_kernel = nullptr;  // refers to the graph
  });
}

Program lower_program(std::string name, const Graph& graph, StageCut cut, const Sizes& sizes,
                      const Gradients& gradients, StorageTable& storages, Backend& backend,
                      const LoweringOptions& options) {
  Program program;
  program.name = std::move(name);
  program.graph = &graph;
  program.cut = std::move(cut);
  Lowering lowering(graph, program.cut, storages, backend, options, gradients);
  const int stages = static_cast<int>(program.cut.stages.size());
  program.accumulators.resize(at(stages));
  program.prologue = unpacked(lowering.prologue());
  for (const std::int64_t size : sizes.sizes) {
    std::vector<PackedPart>& parts = program.replayed[size];
    for (int s = 0; s < stages; ++s) parts.push_back(unpacked(lowering.replayed(s, size, sizes.slots)));
  }
  for (int s = 0; s < stages; ++s) {
    program.once.push_back(unpacked(lowering.once(s)));
    std::set<int> cleared;
    const Part& part = program.replayed.begin()->second[at(s)].part;
    for (const Instruction& instruction : part.instructions)
      if (instruction.accumulates)
        for (const int output : instruction.outputs) cleared.insert(part.values[at(output)].storage);
    program.accumulators[at(s)].assign(cleared.begin(), cleared.end());
  }
  program.writers = unpacked(lowering.writers());
  for (const Instruction& writer : program.writers.part.instructions)
    for (const int i : writer.cleared)
      program.cleared_by_writers.push_back(program.writers.part.values[at(writer.inputs[at(i)])].storage);
  std::sort(program.cleared_by_writers.begin(), program.cleared_by_writers.end());
  for (int s = -1; s < stages; ++s) program.derived.push_back(unpacked(lowering.take_derived(s)));
  for (ValueId v = 0; v < graph.values(); ++v) program.storage_of.push_back(lowering.storage_of(v));
  return program;
}

/// What the loader writes while a replay reads the input storages.
void add_incoming(StorageTable& storages, const DataSpec& data, std::int64_t largest) {
  for (const FieldSpec& field : data.fields) {
    if (storages.find({.kind = StorageKind::input, .name = field.name}) < 0) continue;  // no program reads it
    storages.get({.kind = StorageKind::incoming, .name = field.name}, {.name = field.name + " incoming",
                                                                       .layer = "input",
                                                                       .category = Category::staging,
                                                                       .dims = field.shape.with_leading(largest),
                                                                       .dtype = field.dtype,
                                                                       .layout = {}});
  }
}

/// Where kernels of some devices read which micro-batch of which step they are in.
void add_counters(StorageTable& storages, const Backend& backend) {
  if (!backend.keeps_counters()) return;
  static_assert(sizeof(RunCounters) == 4 * sizeof(double));
  storages.get({.kind = StorageKind::counters}, {.name = "counters of the run",
                                                 .layer = "step",
                                                 .category = Category::batch,
                                                 .dims = {4},
                                                 .dtype = DType::f64,
                                                 .layout = {}});
}

/// Storages region by region and category by category, so that parameters, gradients and state are flat; then the
/// arena, which begins with the values stored across stages.
void place(RunPlan& plan) {
  Plan& summary = plan.summary;
  plan.storage_offsets.assign(at(plan.storages.size()), 0);
  std::size_t end = 0;
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
  }
  plan.arena_offset = end;
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
  for (const Var& var : vars)
    if (var) ids.push_back(var.id());
  for (const auto& [name, var] : named) ids.push_back(var.id());
  return ids;
}

LoweringOptions lowering_options(const RunPlanRequest& request, const Graph& graph, const char* name) {
  LoweringOptions result{.workspace_cap_bytes = request.caps.bytes, .chooser = request.chooser, .graph_name = name};
  if (const auto own = request.caps.of_nodes.find(&graph); own != request.caps.of_nodes.end())
    result.node_cap_bytes = own->second;
  return result;
}

void lower_training(RunPlan& plan, const RunPlanRequest& request) {
  Sizes sizes;
  sizes.add({request.batch, request.micro_batch});
  // The epoch's last logical batch, of an epoch from its beginning and of the one under way.
  for (const std::int64_t samples : {request.data->samples, request.data->samples - request.position})
    if (const std::int64_t tail = samples % request.batch) sizes.add({tail, request.micro_batch});
  const StepGraph& training = *request.training;
  Gradients gradients;
  std::vector<ValueId> outputs = ids({training.loss, training.finite}, training.metrics);
  for (const auto& [parameter, gradient] : training.gradients) {
    gradients.emplace_back(parameter, gradient.id());
    outputs.push_back(gradient.id());
  }
  plan.train =
      lower_program("train", *training.graph, cut_into_stages(*training.graph, outputs, request.crossing), sizes,
                    gradients, plan.storages, *request.backend, lowering_options(request, *training.graph, "training"));
}

/// In which sizes samples are evaluated: any number of them is a sequence of these.
Sizes evaluation_sizes(const RunPlanRequest& request) {
  const MicroBatches even(request.evaluation_samples, std::min(request.micro_batch, request.evaluation_samples));
  const std::int64_t largest = request.training ? even.size(0) : request.micro_batch;
  Sizes sizes;
  sizes.add(even);
  for (const std::int64_t size : sizes_for_any_number(largest, std::min(largest, request.evaluation_least)))
    sizes.sizes.insert(size);
  return sizes;
}

/// Values that a later stage needs are recomputed. Stored for every micro-batch, they would take memory that grows with
/// the data set.
void lower_evaluation(RunPlan& plan, const RunPlanRequest& request) {
  const StepGraph& evaluation = *request.evaluation;
  const Sizes sizes = evaluation_sizes(request);
  const auto lowered = [&](const char* name, std::span<const ValueId> outputs) {
    return lower_program(name, *evaluation.graph, cut_into_stages(*evaluation.graph, outputs, Crossing::recompute),
                         sizes, {}, plan.storages, *request.backend,
                         lowering_options(request, *evaluation.graph, "evaluation"));
  };
  if (const auto numbers = ids({evaluation.loss}, evaluation.metrics); !numbers.empty())
    plan.evaluate = lowered("evaluate", numbers);
  if (const auto rows = ids({}, evaluation.predictions); !rows.empty()) plan.predict = lowered("predict", rows);
}

/// Of all programs, the largest first.
std::vector<std::int64_t> planned_sizes(const RunPlan& plan) {
  std::set<std::int64_t, std::greater<>> sizes;
  for (const Program* program : {&plan.train, &plan.evaluate, &plan.predict})
    for (const auto& [size, parts] : program->replayed) sizes.insert(size);
  return {sizes.begin(), sizes.end()};
}

/// Predicts the seconds of a step (without training, of an evaluation) by the cost model, and the part of them that is
/// recomputation.
void predict(RunPlan& plan, const Backend& backend) {
  const DeviceRates rates = backend.rates();
  Plan& summary = plan.summary;
  const auto add = [&](const PackedPart& packed, std::int64_t times) {
    const PartModel model(packed.part, rates);
    for (int i = 0; i < model.steps(); ++i) {
      const double seconds = static_cast<double>(times) * model.step(i).seconds;
      summary.predicted_step_s += seconds;
      if (packed.part.instructions[at(i)].recomputed) summary.predicted_recompute_s += seconds;
    }
  };
  const Program& program = plan.main();
  const MicroBatches split(summary.batch, summary.micro_batch);
  for (const std::int64_t size : split.sizes())
    for (const PackedPart& packed : program.replayed.at(size)) add(packed, split.count(size));
  for (const PackedPart* packed : {&program.prologue, &program.writers}) add(*packed, 1);
  for (const auto* parts : {&program.derived, &program.once})
    for (const PackedPart& packed : *parts) add(packed, 1);
  for (const PackedPart& packed : program.replayed.at(split.size(0)))
    for (const Instruction& instruction : packed.part.instructions) summary.recomputed += instruction.recomputed;
}

void summarise(RunPlan& plan, const RunPlanRequest& request) {
  Plan& summary = plan.summary;
  const MicroBatches split(request.batch, request.micro_batch);
  summary.device = request.backend->description();
  summary.samples = request.data->samples;
  summary.batch = request.batch;
  summary.forward_only = !request.training;
  summary.micro_batch = request.training ? split.size(0) : request.micro_batch;
  summary.replays = split.replays;
  summary.steps_per_epoch = request.training ? (summary.samples + request.batch - 1) / request.batch : 0;
  summary.tail = request.training ? summary.samples % request.batch : 0;
  summary.stages = static_cast<int>(plan.main().cut.stages.size());
  summary.split_dependent = split_dependent(plan.main());
  plan.caps = request.caps;
  summary.workspace_cap_bytes = request.caps.bytes;
  summary.budget_bytes = request.budget_bytes;
}

}  // namespace

std::unique_ptr<RunPlan> make_run_plan(const RunPlanRequest& request) {
  auto plan = std::make_unique<RunPlan>();
  if (request.training) lower_training(*plan, request);
  lower_evaluation(*plan, request);
  plan->summary.sizes = planned_sizes(*plan);
  add_incoming(plan->storages, *request.data, plan->summary.sizes.front());
  add_counters(plan->storages, *request.backend);
  summarise(*plan, request);
  place(*plan);
  const std::size_t room = request.budget_bytes - std::min(request.budget_bytes, plan->arena_offset);
  const ArrangeOptions options{
      .passes = request.passes,
      .recompute = request.budget_bytes || request.smallest || request.recompute == Recompute::cheap ? request.recompute
                                                                                                     : Recompute::none,
      .arena_bytes = room,
      .smallest = request.smallest,
      .rates = request.backend->rates()};
  std::size_t arena_bytes = 0;
  arrange_and_pack(plan->train, options, arena_bytes);
  // An evaluation saves nothing for a backward pass, so there is nothing to recompute.
  for (Program* program : {&plan->evaluate, &plan->predict})
    arrange_and_pack(*program, {.passes = request.passes, .rates = options.rates}, arena_bytes);
  account(*plan, request);
  predict(*plan, *request.backend);
  return plan;
}

}  // namespace sluice
