#pragma once

#include <map>
#include <string>
#include <vector>

#include <sluice/kernels/cudnn/engine.h>

namespace sluice::cudnn {

/// What cuDNN's heuristics answered for a kind of device, in memory and in a file, so that planning again asks nothing
/// of cuDNN. The file is cudnn-<version>-<hash of the device>.json in cache_folder(). For one that is damaged or of
/// another device, a warning says so, and it is replaced unread. For one that cannot be read or written, a warning says
/// so, and planning goes on without it.
class PlanCache {
 public:
  /// The process's one for devices with these properties. It is saved when the process ends, too.
  static PlanCache& of(const std::string& device_json, const std::string& cudnn_version);

  /// An empty `path`: in memory alone.
  PlanCache(std::string device_json, std::string cudnn_version, std::string path);
  ~PlanCache() { save(); }
  PlanCache(const PlanCache&) = delete;
  PlanCache& operator=(const PlanCache&) = delete;

  /// Null when `key` was not asked before. None (an empty list) is remembered by the process, not by the file.
  const std::vector<Engine>* find(const std::string& key) const;
  const std::vector<Engine>& add(const std::string& key, std::vector<Engine> engines);
  /// Writes what is new, all or nothing, together with what other processes added meanwhile.
  void save() noexcept;

 private:
  using Plans = std::map<std::string, std::vector<Engine>>;
  Plans read(bool tell) const;
  std::string text() const;

  std::string device_json_, cudnn_version_, path_;
  Plans plans_;
  bool changed_ = false;
};

}  // namespace sluice::cudnn
