#include <sluice/mbp/run/pass_walk.h>

namespace sluice {

bool walk_pass(const Program& program, const MicroBatches& split, PassVisitor& visitor) {
  visitor.run_once(program.prologue);
  visitor.run_once(program.derived[0]);
  for (std::size_t s = 0; s < program.cut.stages.size(); ++s) {
    const int stage = static_cast<int>(s);
    visitor.begin_stage(stage);
    for (std::int64_t i = 0; i < split.replays; ++i)
      if (!visitor.run_replay(stage, i, program.replayed.at(split.size(i))[s])) return false;
    visitor.end_replays(stage);
    visitor.run_once(program.once[s]);
    visitor.run_once(program.derived[s + 1]);
  }
  return true;
}

}  // namespace sluice
