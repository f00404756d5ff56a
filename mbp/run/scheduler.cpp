#include <sluice/mbp/run/scheduler.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <utility>

#include <sluice/core/at.h>
#include <sluice/core/device_run.h>
#include <sluice/core/error.h>
#include <sluice/mbp/run/field_checks.h>
#include <sluice/mbp/run/pass_walk.h>

namespace sluice {
namespace {

std::atomic<int> replays_running = 0;

/// Marks a replay for replay_running().
class ReplayMark {
 public:
  ReplayMark() { replays_running.fetch_add(1, std::memory_order_relaxed); }
  ~ReplayMark() { replays_running.fetch_sub(1, std::memory_order_relaxed); }
  ReplayMark(const ReplayMark&) = delete;
  ReplayMark& operator=(const ReplayMark&) = delete;
};

/// Keeps what storages hold before they are written over, and puts it back when it ends, whatever happened in between.
class PutBack {
 public:
  explicit PutBack(Slab& slab) : slab_(slab) {}
  ~PutBack() {
    for (const auto& [storage, bytes] : before_) {
      try {
        slab_.backend().copy_in(slab_.storage(storage), bytes.data(), bytes.size());
      } catch (const Error&) {  // of a broken device, whose every later call fails as well
      }
    }
  }
  PutBack(const PutBack&) = delete;
  PutBack& operator=(const PutBack&) = delete;

  void keep(int storage) {
    if (contains(storage)) return;
    std::vector<std::byte> bytes(slab_.plan().storages.bytes(storage));
    slab_.backend().copy_out(bytes.data(), slab_.storage(storage), bytes.size());
    before_.emplace(storage, std::move(bytes));
  }
  bool contains(int storage) const { return before_.contains(storage); }

 private:
  Slab& slab_;
  std::map<int, std::vector<std::byte>> before_;
};

/// Runs the kernels of some nodes in the parts that run once, and the copies of the values that they change.
class RunSomeNodes final : public PassVisitor {
 public:
  RunSomeNodes(const std::set<NodeId>& nodes, PutBack& before, const RunContext& context)
      : nodes_(nodes),
        before_(before),
        context_(context) {}

  void begin_stage(int) override {}
  bool run_replay(int, std::int64_t, const PackedPart&) override { return true; }
  void run_once(const PackedPart& packed) override {
    const Part& part = packed.part;
    std::set<int> changed;  // values of the part in the arena
    for (const Instruction& instruction : part.instructions) {
      const auto is_changed = [&](int v) {
        const int root = part.root(v), storage = part.values[at(root)].storage;
        return storage >= 0 ? before_.contains(storage) : changed.contains(root);
      };
      const bool copies =
          instruction.node < 0 && std::any_of(instruction.inputs.begin(), instruction.inputs.end(), is_changed);
      if (!copies && !nodes_.contains(instruction.node)) continue;
      for (const int v : instruction.outputs) {
        const int root = part.root(v), storage = part.values[at(root)].storage;
        storage >= 0 ? before_.keep(storage) : void(changed.insert(root));
      }
      const RunningKernel running(instruction.name.c_str());
      instruction.kernel->run(context_);
    }
  }

 private:
  const std::set<NodeId>& nodes_;
  PutBack& before_;
  RunContext context_;
};

}  // namespace

bool replay_running() { return replays_running.load(std::memory_order_relaxed) > 0; }

Scheduler::Scheduler(RunPlan& plan, Backend& backend, bool verify, unsigned char poison, bool record)
    : plan_(plan),
      slab_(plan, backend, verify ? Verifier::guard_bytes : 0, poison),
      counters_(plan.storages.find({.kind = StorageKind::counters})),
      recordings_(backend, record) {
  if (verify) verifier_.emplace(slab_, poison);
  for (int id = 0; id < plan_.storages.size(); ++id) {
    const Storage& storage = plan_.storages[id];
    if (storage.category != Category::staging || !storage.leaf) continue;
    const int incoming = slab_.find({.kind = StorageKind::incoming, .name = storage.leaf->name});
    const Shape& dims = plan_.storages[incoming].dims;
    inputs_.push_back({id, incoming, at(dims.without_leading().elements())});
  }
  std::size_t slot_bytes = 0;
  for (const Input& input : inputs_) slot_bytes += plan_.storages.bytes(input.incoming);
  uploader_ = backend.make_uploader(slot_bytes);
}

Incoming Scheduler::incoming(const DataSpec& data, const Program& program) const {
  Incoming incoming{.fields = {}, .uploader = uploader_.get()};
  const std::set<std::string> read = fields_read(program);
  std::size_t offset = 0;
  for (const FieldSpec& field : data.fields) {
    const int id =
        read.contains(field.name) ? plan_.storages.find({.kind = StorageKind::incoming, .name = field.name}) : -1;
    incoming.fields.push_back(
        {.device = id < 0 ? nullptr : slab_.storage(id), .sample_bytes = field.sample_bytes(), .slot_offset = offset});
    if (id >= 0) offset += plan_.storages.bytes(id);
  }
  return incoming;
}

void Scheduler::set_scalar(const std::string& name, double number) {
  const int id = plan_.storages.find({.kind = StorageKind::scalar, .name = name});
  if (id < 0) return;  // no program of this plan reads it
  slab_.write_scalar(id, number);
  if (verifier_) verifier_->host_wrote(id);
}

void Scheduler::write(int storage, const Tensor& value) {
  slab_.write(storage, value);
  if (verifier_) verifier_->host_wrote(storage);
}

void Scheduler::clear(int storage) {
  slab_.clear(storage);
  if (verifier_) verifier_->host_wrote(storage);
}

/// Moves what the loader brought to where replays read it; after this the loader may go on.
void Scheduler::take_inputs(std::int64_t samples) {
  for (const Input& input : inputs_) {
    const DType from = plan_.storages[input.incoming].dtype, to = plan_.storages[input.input].dtype;
    const std::size_t elements = at(samples) * input.sample_elements;
    if (from == to)
      slab_.backend().copy(slab_.storage(input.input), slab_.storage(input.incoming), elements * size_bytes(from));
    else  // the reference device keeps f32 as f64
      convert(slab_.storage(input.incoming), from, slab_.storage(input.input), to, elements);
    if (verifier_) {
      verifier_->host_wrote(input.incoming);
      verifier_->host_wrote(input.input);
    }
  }
}

RunContext Scheduler::context_of(const Pass& pass) const {
  return {.seed = pass.seed,
          .step = pass.step,
          .counters = counters_ < 0 ? nullptr : reinterpret_cast<RunCounters*>(slab_.storage(counters_))};
}

void Scheduler::set_counters(const RunContext& context) {
  if (counters_ < 0) return;
  slab_.backend().set_counters(context.counters, context);
  if (verifier_) verifier_->host_wrote(counters_);
}

void Scheduler::count_replay(const PackedPart& part, const RunContext& context) {
  if (counters_ < 0) return;
  sluice::count_replay(slab_.backend(), part, context);
  if (verifier_) verifier_->host_wrote(counters_);
}

void Scheduler::run_part(const PackedPart& part, const RunContext& context) {
  if (!verifier_ && !recording()) return recordings_.run(part, context);
  if (verifier_)
    verifier_->run(part, context);
  else
    recorder_->run(part, context);
  count_replay(part, context);
}

/// A pass: sets up what its parts read, and runs them.
class Scheduler::PassRun final : public PassVisitor {
 public:
  PassRun(Scheduler& scheduler, Program& program, const Pass& pass, Feeder& feeder, const PassHooks& hooks,
          const RunPart& run_part)
      : scheduler_(scheduler),
        program_(program),
        pass_(pass),
        split_(pass.split),
        feeder_(feeder),
        hooks_(hooks),
        run_part_(run_part),
        accumulators_cleared_(std::exchange(program.accumulators_cleared, false)),
        context_(scheduler.context_of(pass)) {}

  bool run() {
    scheduler_.set_counters(context_);
    scheduler_.set_scalar(sample_count_name, static_cast<double>(pass_.range.count));
    return walk_pass(program_, split_, *this);
  }

 private:
  void run_once(const PackedPart& part) override { run_part_(part, context_); }

  void begin_stage(int stage) override {
    const std::vector<int>& cleared = program_.cleared_by_writers;
    for (const int storage : program_.accumulators[at(stage)])
      if (!accumulators_cleared_ || !std::binary_search(cleared.begin(), cleared.end(), storage))
        scheduler_.clear(storage);
    context_.replay = context_.first_sample = 0;
    if (stage > 0) scheduler_.set_counters(context_);
  }

  bool run_replay(int stage, std::int64_t replay, const PackedPart& part) override {
    TimesRecorder* const times = scheduler_.recording() ? scheduler_.recorder_ : nullptr;
    context_.replay = replay;
    context_.first_sample = split_.first(replay);
    if (times) times->mark();
    feeder_.take(micro_batch(replay));
    if (times) times->add(SliceKind::waiting, context_);
    const std::optional<Range> next = wanted_after(stage, replay);
    {
      const ReplayMark mark;
      if (times) times->begin_replay();
      scheduler_.take_inputs(split_.size(replay));
      if (times) times->add(SliceKind::inputs, context_);
      if (next) feeder_.prefetch(*next);
      run_part_(part, context_);
    }
    return !hooks_.after_replay || hooks_.after_replay(stage, replay);
  }

  void end_replays(int stage) override {
    if (hooks_.after_replays) hooks_.after_replays(stage);
  }

  Range micro_batch(std::int64_t i) const {
    return {pass_.range.epoch, pass_.range.first + split_.first(i), split_.size(i)};
  }
  std::optional<Range> wanted_after(int stage, std::int64_t replay) const {
    if (replay + 1 < split_.replays) return micro_batch(replay + 1);
    if (at(stage) + 1 < program_.cut.stages.size()) return micro_batch(0);
    return pass_.next;
  }

  Scheduler& scheduler_;
  Program& program_;
  const Pass& pass_;
  const MicroBatches& split_;
  Feeder& feeder_;
  const PassHooks& hooks_;
  const RunPart& run_part_;
  bool accumulators_cleared_;  // what the writers of the step before left at zero
  RunContext context_;
};

bool Scheduler::run_with(Program& program, const Pass& pass, Feeder& feeder, const PassHooks& hooks,
                         const RunPart& run_part) {
  const AllocationSeal seal(slab_.backend());
  if (!PassRun(*this, program, pass, feeder, hooks, run_part).run()) return false;
  slab_.backend().synchronize();
  return true;
}

bool Scheduler::run(Program& program, const Pass& pass, Feeder& feeder, const PassHooks& hooks) {
  if (recorder_) recorder_->drop_step();  // one that did not come to its end
  if (recorder_ && &program == &plan_.train && !verifier_ && recorder_->wants_step()) recorder_->begin_step(pass.step);
  return run_with(program, pass, feeder, hooks,
                  [this](const PackedPart& part, const RunContext& context) { run_part(part, context); });
}

void Scheduler::write_state(Program& program, const Pass& pass) {
  const AllocationSeal seal(slab_.backend());
  run_part(program.writers, context_of(pass));
  program.accumulators_cleared = true;
  if (recording()) {
    slab_.backend().synchronize();
    recorder_->end_step(slab_.total_bytes());
  }
}

std::vector<double> Scheduler::evaluate_scalars(Program& program, const std::set<NodeId>& nodes,
                                                std::span<const std::pair<int, Tensor>> given,
                                                std::span<const Var> wanted) {
  std::vector<double> numbers;
  {
    const AllocationSeal seal(slab_.backend());
    PutBack before(slab_);
    for (const auto& [storage, value] : given) {
      before.keep(storage);
      slab_.write(storage, value);
    }
    RunSomeNodes run(nodes, before, context_of({}));
    walk_pass(program, MicroBatches(0, 1), run);
    slab_.backend().synchronize();
    for (const Var& var : wanted) numbers.push_back(read_scalar(program, var));
  }
  if (verifier_) verifier_->resync();  // these kernels ran without it
  return numbers;
}

double Scheduler::read_scalar(const Program& program, Var var) const {
  const Tensor value = slab_.read(program.storage_of[at(var.id())]);
  double number = 0;
  convert(value.data(), value.dtype(), &number, DType::f64, 1);
  return number;
}

std::pair<const void*, const PartValue*> Scheduler::sample_value(const Program& program, Var var,
                                                                 std::int64_t size) const {
  const PackedPart& packed = program.replayed.at(size).back();
  const PartAddresses& addresses = slab_.addresses(packed);
  for (std::size_t v = packed.part.values.size(); v-- > 0;)
    if (packed.part.values[v].value == var.id()) return {addresses.values[v], &packed.part.values[v]};
  throw Error("scheduler: a prediction that no part computes");
}

}  // namespace sluice
