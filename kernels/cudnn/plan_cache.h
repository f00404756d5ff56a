#pragma once

#include <map>
#include <string>
#include <vector>

#include <sluice/kernels/cudnn/engine.h>

namespace sluice::cudnn {

/// A cache of the answers of cuDNN's heuristics for a kind of device, in memory and in a file. With it a second
/// planning does not call the heuristics. The file is cudnn-<version>-<hash of the device>.json in cache_folder(). A
/// file that is damaged or belongs to another device is replaced, with a warning. If it cannot be read or written,
/// planning continues without it, with a warning.
class PlanCache {
 public:
  /// Returns the cache of this process for devices with these properties. It is also saved when the process ends.
  static PlanCache& of(const std::string& device_json, const std::string& cudnn_version);

  /// An empty `path`: a cache in memory only.
  PlanCache(std::string device_json, std::string cudnn_version, std::string path);
  ~PlanCache() { save(); }
  PlanCache(const PlanCache&) = delete;
  PlanCache& operator=(const PlanCache&) = delete;

  /// Returns null if there is no answer for `key`. Empty answers are cached in memory, not in the file.
  const std::vector<Engine>* find(const std::string& key) const;
  const std::vector<Engine>& add(const std::string& key, std::vector<Engine> engines);
  /// Writes the new answers atomically, merged with those that other processes have added meanwhile.
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
