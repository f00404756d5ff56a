#include <sluice/mbp/run/recordings.h>

#include <cstdio>
#include <string>

#include <sluice/core/error.h>

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
  Entry& entry = entries_[&part];
  if (entry.ran && !entry.recording && !entry.refused) record(part.part, entry, enqueue);
  entry.ran = true;
  if (entry.recording)
    entry.recording->run();
  else
    enqueue();
}

/// If the device itself fails, running the part kernel by kernel reports the error.
void Recordings::record(const Part& part, Entry& entry, const std::function<void()>& enqueue) {
  try {
    entry.recording = backend_.record(enqueue);
    ++parts_.recorded;
  } catch (const BackendError& error) {
    entry.refused = true;
    ++parts_.refused;
    const std::string size = part.micro_batch > 0 ? ", micro-batch " + std::to_string(part.micro_batch) : "";
    std::fprintf(stderr,
                 "sluice: WARNING: part '%s'%s cannot be recorded and runs kernel by kernel from now on, with the same "
                 "results, but slower: %s\n",
                 part.name.c_str(), size.c_str(), error.what());
  }
}

}  // namespace sluice
