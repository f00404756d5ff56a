#include <sluice/mbp/scheduler.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <utility>

#include <sluice/core/error.h>

namespace sluice {
namespace {

std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

std::atomic<int> replays_running = 0;

/// Marks a replay for replay_running().
class ReplayMark {
 public:
  ReplayMark() { replays_running.fetch_add(1, std::memory_order_relaxed); }
  ~ReplayMark() { replays_running.fetch_sub(1, std::memory_order_relaxed); }
  ReplayMark(const ReplayMark&) = delete;
  ReplayMark& operator=(const ReplayMark&) = delete;
};

/// Seals the device's allocator while it lives.
class Seal {
 public:
  explicit Seal(Backend& backend) : backend_(backend) { backend_.seal(true); }
  ~Seal() { backend_.seal(false); }
  Seal(const Seal&) = delete;
  Seal& operator=(const Seal&) = delete;

 private:
  Backend& backend_;
};

template <class T>
bool all_finite_as(const std::vector<std::byte>& bytes) {
  const T* values = reinterpret_cast<const T*>(bytes.data());
  return std::all_of(values, values + bytes.size() / sizeof(T), [](T v) { return std::isfinite(v); });
}

bool all_finite(Backend& backend, const void* address, std::size_t bytes, DType dtype) {
  if (dtype != DType::f32 && dtype != DType::f64) return true;
  std::vector<std::byte> host(bytes);
  backend.copy_out(host.data(), address, bytes);
  return dtype == DType::f32 ? all_finite_as<float>(host) : all_finite_as<double>(host);
}

}  // namespace

bool replay_running() { return replays_running.load(std::memory_order_relaxed) > 0; }

Scheduler::Scheduler(RunPlan& plan, Backend& backend, bool verify, unsigned char poison, bool record)
    : plan_(plan),
      slab_(plan, backend, verify ? Verifier::guard_bytes : 0, poison),
      counters_(plan.storages.find(counters_key)),
      recordings_(backend, record) {
  if (verify) verifier_.emplace(slab_, poison);
  for (int id = 0; id < plan_.storages.size(); ++id) {
    const Storage& storage = plan_.storages[id];
    if (storage.category != Category::staging || !storage.leaf) continue;
    const int incoming = slab_.find("incoming:" + storage.leaf->name);
    const Shape& dims = plan_.storages[incoming].dims;
    inputs_.push_back({id, incoming, at(dims.without_leading().elements())});
  }
  std::size_t slot_bytes = 0;
  for (const Input& input : inputs_) slot_bytes += plan_.storages.bytes(input.incoming);
  uploader_ = backend.make_uploader(slot_bytes);
}

Incoming Scheduler::incoming(const DataSpec& data) const {
  Incoming incoming{.fields = {}, .uploader = uploader_.get()};
  std::size_t offset = 0;
  for (const FieldSpec& field : data.fields) {
    const int id = plan_.storages.find("incoming:" + field.name);
    incoming.fields.push_back(
        {.device = id < 0 ? nullptr : slab_.storage(id), .sample_bytes = field.sample_bytes(), .slot_offset = offset});
    if (id >= 0) offset += plan_.storages.bytes(id);
  }
  return incoming;
}

void Scheduler::set_scalar(const std::string& name, double number) {
  const int id = plan_.storages.find("scalar:" + name);
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

bool Scheduler::run_with(Program& program, const Pass& pass, Feeder& feeder, const AfterReplay& after_replay,
                         const RunPart& run) {
  const Seal seal(slab_.backend());
  const MicroBatches split(pass.range.count, pass.micro_batch);
  const auto micro_batch = [&](std::int64_t i) {
    return Range{pass.range.epoch, pass.range.first + split.first(i), split.size(i)};
  };
  RunContext context = context_of(pass);
  set_counters(context);
  set_scalar(sample_count_name, static_cast<double>(pass.range.count));
  run(program.prologue, context);
  run(program.derived[0], context);
  const int stages = static_cast<int>(program.cut.stages.size());
  const bool clear_already = std::exchange(program.clear, false);
  for (int s = 0; s < stages; ++s) {
    for (const int storage : program.accumulators[at(s)])
      if (!clear_already || !std::binary_search(program.left_clear.begin(), program.left_clear.end(), storage))
        clear(storage);
    context.replay = context.first_sample = 0;
    if (s > 0) set_counters(context);
    for (std::int64_t i = 0; i < split.replays; ++i) {
      context.replay = i;
      context.first_sample = split.first(i);
      if (recording()) recorder_->mark();
      feeder.take(micro_batch(i));
      if (recording()) recorder_->add(SliceKind::waiting, context);
      const bool last = i + 1 == split.replays;
      const std::optional<Range> next = !last            ? std::optional(micro_batch(i + 1))
                                        : s + 1 < stages ? std::optional(micro_batch(0))
                                                         : pass.next;
      const PackedPart& part = program.replayed.at(split.size(i))[at(s)];
      {
        const ReplayMark mark;
        if (recording()) recorder_->begin_replay();
        take_inputs(split.size(i));
        if (recording()) recorder_->add(SliceKind::inputs, context);
        if (next) feeder.prefetch(*next);
        run(part, context);
      }
      if (after_replay && !after_replay(s, i)) return false;
    }
    run(program.once[at(s)], context);
    run(program.derived[at(s + 1)], context);
  }
  slab_.backend().synchronize();
  return true;
}

bool Scheduler::run(Program& program, const Pass& pass, Feeder& feeder, const AfterReplay& after_replay) {
  if (recorder_) recorder_->drop_step();  // one that did not come to its end
  if (recorder_ && &program == &plan_.train && !verifier_ && recorder_->wants_step()) recorder_->begin_step(pass.step);
  return run_with(program, pass, feeder, after_replay,
                  [this](const PackedPart& part, const RunContext& context) { run_part(part, context); });
}

void Scheduler::write_state(Program& program, const Pass& pass) {
  const Seal seal(slab_.backend());
  run_part(program.writers, context_of(pass));
  program.clear = true;
  if (recording()) {
    slab_.backend().synchronize();
    recorder_->end_step(slab_.backend().allocated_bytes());
  }
}

/// Whether the divisor of a batch scalar division is 0.
bool Scheduler::divides_by_zero(const Part& part, const Instruction& division) const {
  const int divisor = part.values[at(division.inputs[1])].storage;
  if (divisor < 0 || plan_.storages[divisor].dims.rank() != 0) return false;
  const Tensor value = slab_.read(divisor).to(DType::f64);
  return value.values<double>()[0] == 0;
}

std::string Scheduler::find_non_finite(Program& program, const Pass& pass, Feeder& feeder) {
  std::string found;
  if (recorder_) recorder_->drop_step();
  const RunPart watch = [&](const PackedPart& packed, const RunContext& context) {
    const PartAddresses& addresses = slab_.addresses(packed);
    for (const Instruction& instruction : packed.part.instructions) {
      if (!found.empty()) return;
      {
        const RunningKernel running(instruction.name.c_str());
        instruction.kernel->run(context);
        slab_.backend().synchronize();
      }
      if (instruction.node < 0) continue;  // a copy of what was looked at already
      for (const int v : instruction.outputs) {
        const PartValue& value = packed.part.values[at(v)];
        const std::size_t bytes = value.storage >= 0 ? plan_.storages.slot_bytes(value.storage) : value.bytes();
        if (all_finite(slab_.backend(), addresses.values[at(v)], bytes, value.dtype)) continue;
        found = packed.part.name;
        if (packed.part.micro_batch > 0) found += ", micro-batch " + std::to_string(context.replay);
        found += ", node '" + instruction.str() + "'";
        if (instruction.name == "div" && divides_by_zero(packed.part, instruction))
          found += " (divides by 0: the total weight of the logical batch is 0)";
        return;
      }
    }
    count_replay(packed, context);
  };
  run_with(
      program, pass, feeder, [&](int, std::int64_t) { return found.empty(); }, watch);
  if (verifier_) verifier_->resync();  // these kernels ran without it
  return found;
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
