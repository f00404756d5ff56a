#include <sluice/kernels/cudnn/plan_cache.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>

#include <nlohmann/json.hpp>

#include <sluice/core/cache_folder.h>
#include <sluice/core/error.h>
#include <sluice/core/hash.h>
#include <sluice/core/write_file.h>

namespace sluice::cudnn {
namespace {

using Json = nlohmann::json;
namespace fs = std::filesystem;

constexpr int format = 3;  // of the file

void warn(const std::string& path, const std::string& what) noexcept {
  std::fprintf(stderr, "sluice: warning: cache of cuDNN plans '%s': %s\n", path.c_str(), what.c_str());
}

Json to_json(const Engine& engine) {
  return {{"engine", engine.index},
          {"knobs", engine.knobs},
          {"workspace_bytes", engine.workspace_bytes},
          {"rank", engine.rank},
          {"fused", engine.fused}};
}

/// Throws nlohmann's exceptions, or Error, when it is not what to_json() writes.
Engine from_json(const Json& json) {
  Engine engine{.index = json.at("engine").get<std::int64_t>(),
                .knobs = json.at("knobs").get<decltype(Engine::knobs)>(),
                .workspace_bytes = json.at("workspace_bytes").get<std::size_t>(),
                .rank = json.at("rank").get<std::int64_t>(),
                .fused = json.at("fused").get<bool>()};
  if (to_json(engine).dump() != json.dump()) throw Error("numbers are out of range");
  return engine;
}

std::vector<Engine> engines_from_json(const Json& json) {
  std::vector<Engine> engines;
  for (const Json& engine : json) {
    engines.push_back(from_json(engine));
    if (engines.size() > 1 && engines.end()[-2].rank >= engines.back().rank) throw Error("ranks do not increase");
  }
  if (engines.empty()) throw Error("a plan has no engine");
  return engines;
}

}  // namespace

PlanCache& PlanCache::of(const std::string& device_json, const std::string& cudnn_version) {
  static std::map<std::pair<std::string, std::string>, std::unique_ptr<PlanCache>> caches;
  std::string path;
  if (const fs::path place = cache_folder(); !place.empty())
    path = place / ("cudnn-" + cudnn_version + "-" + Hash().add(device_json).str() + ".json");
  std::unique_ptr<PlanCache>& cache = caches[{device_json, path}];
  if (!cache) cache = std::make_unique<PlanCache>(device_json, cudnn_version, path);
  return *cache;
}

PlanCache::PlanCache(std::string device_json, std::string cudnn_version, std::string path)
    : device_json_(std::move(device_json)),
      cudnn_version_(std::move(cudnn_version)),
      path_(std::move(path)),
      plans_(read(/*tell=*/true)) {}

const std::vector<Engine>* PlanCache::find(const std::string& key) const {
  const auto found = plans_.find(key);
  return found == plans_.end() ? nullptr : &found->second;
}

const std::vector<Engine>& PlanCache::add(const std::string& key, std::vector<Engine> engines) {
  changed_ |= !engines.empty();
  return plans_[key] = std::move(engines);
}

PlanCache::Plans PlanCache::read(bool tell) const {
  std::error_code error;
  if (path_.empty() || !fs::exists(path_, error)) return {};
  try {
    std::ifstream file(path_);
    if (!file || fs::is_directory(path_)) throw Error("it cannot be read");
    const Json json = Json::parse(file);
    if (json.at("sluice_cudnn_plans") != format) throw Error("it has another format");
    if (json.at("cudnn") != cudnn_version_) throw Error("it is of another cuDNN");
    if (json.at("device") != Json::parse(device_json_)) throw Error("it is of another device");
    Plans plans;
    for (const auto& [key, engines] : json.at("plans").items()) plans[key] = engines_from_json(engines);
    return plans;
  } catch (const std::exception& problem) {
    if (tell) warn(path_, std::string("it is not used and will be replaced; ") + problem.what());
    return {};
  }
}

std::string PlanCache::text() const {
  Json json{{"sluice_cudnn_plans", format}, {"cudnn", cudnn_version_}, {"device", Json::parse(device_json_)}};
  Json& plans = json["plans"] = Json::object();
  // Lists without an engine are left out: they may be of a moment without memory.
  for (const auto& [key, engines] : plans_)
    for (const Engine& engine : engines) plans[key].push_back(to_json(engine));
  return json.dump() + "\n";
}

void PlanCache::save() noexcept {
  if (!changed_ || path_.empty()) return;
  changed_ = false;  // whatever happens: one line is enough
  try {
    make_private_folder(fs::path(path_).parent_path());
    for (auto& [key, engines] : read(/*tell=*/false))
      if (std::vector<Engine>& own = plans_[key]; own.empty()) own = std::move(engines);
    write_whole(path_, text());
  } catch (const std::exception& problem) {
    warn(path_, std::string("it is not written; ") + problem.what());
  }
}

}  // namespace sluice::cudnn
