#include <sluice/mbp/plan/replay_key.h>

#include <sluice/core/hash.h>

namespace sluice {

std::string replay_key(const RunPlan& plan) {
  Hash hash;
  const Graph& graph = *plan.main().graph;
  for (const PackedPart& packed : plan.main().replayed.rbegin()->second) {
    hash.add(packed.part.name).add(static_cast<std::uint64_t>(packed.part.micro_batch));
    for (const Instruction& instruction : packed.part.instructions) {
      hash.add(instruction.name).add(instruction.kernel->algorithm()).add(instruction.workspace_bytes);
      // Of one that passes over memory the shapes say enough: means, rates and slopes do not change its time.
      if (instruction.node >= 0 && !instruction.cheap) hash.add(graph.node(instruction.node).op->options());
      for (const auto* operands : {&instruction.inputs, &instruction.outputs})
        for (const int v : *operands) {
          const PartValue& value = packed.part.values[static_cast<std::size_t>(v)];
          hash.add(static_cast<std::uint64_t>(v)).add(value.dims.str()).add(value.layout.identity());
        }
    }
  }
  return hash.str();
}

}  // namespace sluice
