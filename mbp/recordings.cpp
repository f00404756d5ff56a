#include <sluice/mbp/recordings.h>

namespace sluice {

void count_replay(Backend& backend, const PackedPart& part, const RunContext& context) {
  if (part.part.micro_batch > 0) backend.advance_counters(context.counters, part.part.micro_batch);
}

void Recordings::run(const PackedPart& part, const RunContext& context) {
  if (part.part.instructions.empty()) return;
  const auto enqueue = [&] {
    run_part(part.part, context);
    count_replay(backend_, part, context);
  };
  if (!on_) return enqueue();
  Entry& entry = parts_[&part];
  if (!entry.ran) {
    entry.ran = true;
    return enqueue();
  }
  if (!entry.recording) {
    entry.recording = backend_.record(enqueue);
    ++recorded_;
  }
  entry.recording->run();
}

}  // namespace sluice
