#include "support/update_probe.h"

namespace sluice::bench {

UpdateProbe::UpdateProbe(const Net& net, std::int64_t micro_batch)
    : net_(net, micro_batch),
      scheduler_(net_.plan(), net_.backend(), /*verify=*/false, TrainerOptions{}.poison) {}

double UpdateProbe::seconds() {
  const DataSpec& data = net_.data().spec();
  const Pass pass{
      .range = {0, 0, data.samples},
      .split = {data.samples, data.samples},
      .seed = 1,
      .step = static_cast<std::uint64_t>(step_)};
  Feeder feeder(net_.data(), {.shuffle = false}, scheduler_.incoming(data, net_.plan().train));
  for (const auto& [name, number] : net_.optimizer().scalars(step_)) scheduler_.set_scalar(name, number);
  std::chrono::steady_clock::time_point replayed;
  scheduler_.run(net_.plan().train, pass, feeder, {.after_replay = [&](int, std::int64_t) {
                   replayed = std::chrono::steady_clock::now();
                   return true;
                 }});
  scheduler_.write_state(net_.plan().train, pass);
  const double after = seconds_since(replayed);
  ++step_;
  return seconds_before_replay() + after;
}

double UpdateProbe::seconds_before_replay() {
  Program& program = net_.plan().train;
  const auto start = std::chrono::steady_clock::now();
  run_part(program.prologue.part, {});
  run_part(program.derived[0].part, {});
  for (const std::vector<int>& storages : program.accumulators)
    for (const int storage : storages) scheduler_.slab().clear(storage);
  return seconds_since(start);
}

}  // namespace sluice::bench
