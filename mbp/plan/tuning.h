#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sluice/core/device.h>
#include <sluice/core/kernel.h>

namespace sluice {

/// Records which kernels of a plan have a choice of algorithm. Leaves the choice to the cost model.
class ChoiceRecorder final : public AlgorithmChooser {
 public:
  /// A kernel and the names of its algorithms.
  struct Choice {
    LoweringContext context;  ///< what the kernel's factory got; valid as long as the graph
    std::vector<std::string> candidates;
  };

  std::string_view choose(const LoweringContext& context, std::span<const std::string_view> candidates,
                          std::string_view preferred) override;
  /// By LoweringContext::key().
  const std::map<std::string, Choice>& choices() const { return choices_; }

 private:
  std::map<std::string, Choice> choices_;
};

/// A file with measured times of algorithms and of whole replays on this machine. Chooses the fastest.
///
/// The file is text: a line "sluice tuning 2", a line "device …" (times of another device, library version or number of
/// threads are refused), then one line a kernel: what it is, and for each algorithm its name and milliseconds (or
/// "failed"), separated by tabs; then one line a replay: "replay " and its replay_key(), its micro-batch, and
/// milliseconds. Version 1 is read too; it has no replays. The same file gives the same plan, so plan hashes can be
/// compared.
class TuningFile final : public AlgorithmChooser {
 public:
  /// Reads `path`; a file that is not there is empty unless `must_exist`. Throws DataError naming file and line.
  TuningFile(std::string path, Backend& backend, bool must_exist);

  /// Returns the fastest of the measured candidates. Returns `preferred` if that was not measured, because it
  /// may be faster.
  std::string_view choose(const LoweringContext& context, std::span<const std::string_view> candidates,
                          std::string_view preferred) override;

  /// Whether the file has a time, or a failure, of a kernel (LoweringContext::key()) with an algorithm.
  bool knows(const std::string& kernel, const std::string& algorithm) const;
  /// Adds a time, which save() writes. `ms`: empty if the algorithm failed; it is never chosen then.
  void add_time(const std::string& kernel, const std::string& algorithm, std::optional<double> ms);
  /// Writes the file. Throws Error if that fails.
  void save();
  /// Whether the file exists.
  bool exists() const;

  /// Returns the milliseconds of the replay with this replay_key(); empty if it was not measured.
  std::optional<double> replay_ms(const std::string& key) const;
  /// Adds the time of a replay of `micro_batch` samples, and writes the file. Throws Error if that fails.
  void add_replay(const std::string& key, std::int64_t micro_batch, double ms);

  /// For people: "measured, sluice.tuning (24 kernels)", with the number of replays if there are some.
  std::string str() const;

 private:
  struct Replay {
    std::int64_t micro_batch = 0;
    double ms = 0;
  };

  void read(const std::string& text);

  std::string path_;
  Backend& backend_;
  std::map<std::string, std::map<std::string, double, std::less<>>> times_ms_;  // kernel → algorithm → time
  std::map<std::string, Replay> replays_;                                       // by replay_key()
};

}  // namespace sluice
