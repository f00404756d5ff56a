#include <sluice/kernels/cudnn/engine_search.h>

#include <algorithm>
#include <limits>

#include <sluice/core/error.h>
#include <sluice/kernels/cudnn/execution_plan.h>
#include <sluice/kernels/cudnn/library.h>

namespace sluice::cudnn {
namespace {

constexpr std::int64_t most_kinds = 64;  // of notes, and of knobs
constexpr std::size_t timed_whatever_they_need = 8;

bool has(const std::vector<cudnnBackendNumericalNote_t>& notes, cudnnBackendNumericalNote_t note) {
  return std::find(notes.begin(), notes.end(), note) != notes.end();
}

bool deterministic(const std::vector<cudnnBackendNumericalNote_t>& notes) {
  return !has(notes, CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC);
}

/// Of f32 operands tensor cores round the inputs to tf32. Transforms with large constants lose more digits than a sum
/// of products does, which tf32 hides and fp32 shows; strict allows no such transform at all.
bool precise(const std::vector<cudnnBackendNumericalNote_t>& notes, Precision precision) {
  const auto none_of = [&](std::initializer_list<cudnnBackendNumericalNote_t> unwanted) {
    return std::none_of(unwanted.begin(), unwanted.end(), [&](auto note) { return has(notes, note); });
  };
  return none_of({CUDNN_NUMERICAL_NOTE_DOWN_CONVERT_INPUTS, CUDNN_NUMERICAL_NOTE_REDUCED_PRECISION_REDUCTION}) &&
         (precision == Precision::tf32 ||
          none_of({CUDNN_NUMERICAL_NOTE_TENSOR_CORE, CUDNN_NUMERICAL_NOTE_FFT, CUDNN_NUMERICAL_NOTE_WINOGRAD_TILE_6x6,
                   CUDNN_NUMERICAL_NOTE_WINOGRAD_TILE_13x13})) &&
         (precision != Precision::strict || none_of({CUDNN_NUMERICAL_NOTE_WINOGRAD}));
}

Engine engine_of(const Descriptor& configuration, const Descriptor& engine) {
  Engine result{.index = engine.get<std::int64_t>(CUDNN_ATTR_ENGINE_GLOBAL_INDEX), .knobs = {}};
  for (const Descriptor& knob : configuration.get_descriptors(CUDNN_ATTR_ENGINECFG_KNOB_CHOICES,
                                                              CUDNN_BACKEND_KNOB_CHOICE_DESCRIPTOR, most_kinds))
    result.knobs.emplace_back(knob.get<cudnnBackendKnobType_t>(CUDNN_ATTR_KNOB_CHOICE_KNOB_TYPE),
                              knob.get<std::int64_t>(CUDNN_ATTR_KNOB_CHOICE_KNOB_VALUE));
  return result;
}

/// Asks the heuristics for one convolution and notes why what they offer is not taken.
class EngineSearch {
 public:
  EngineSearch(Library& library, Wanted wanted)
      : library_(library),
        precision_(library.backend().precision()),
        wanted_(wanted) {}

  std::vector<Engine> in(const Convolution& convolution, bool fused) {
    const OperationGraph graph(convolution, fused, library_.handle_if_here());
    rank_ = 0;
    least_workspace_ = no_limit;
    std::vector<Engine> found;
    for (const auto& [mode, name] :
         {std::pair(CUDNN_HEUR_MODE_A, "A"), std::pair(CUDNN_HEUR_MODE_FALLBACK, "fallback")})
      if (!enough(found)) look(graph, mode, name, fused, found);
    return found;
  }
  /// "heuristics A: 12 offered, 3 not deterministic; ...".
  const std::string& tried() const { return tried_; }

 private:
  void look(const OperationGraph& graph, cudnnBackendHeurMode_t mode, const char* name, bool fused,
            std::vector<Engine>& found) {
    Descriptor heuristics(CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR);
    heuristics.set(CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, graph.descriptor());
    heuristics.set(CUDNN_ATTR_ENGINEHEUR_MODE, mode);
    library_.set_device(heuristics, attribute::heuristics_device);
    tried_ += std::string(tried_.empty() ? "" : "; ") + "heuristics " + name + (fused ? " with the bias" : "") + ": ";
    if (const cudnnStatus_t status = heuristics.try_finalize(); status != CUDNN_STATUS_SUCCESS) {
      tried_ += text(status);
      return;
    }
    const auto offers = heuristics.get_descriptors(CUDNN_ATTR_ENGINEHEUR_RESULTS, CUDNN_BACKEND_ENGINECFG_DESCRIPTOR,
                                                   heuristics.count(CUDNN_ATTR_ENGINEHEUR_RESULTS));
    int random = 0, imprecise = 0, refused = 0;
    std::string refusal;
    for (const Descriptor& offer : offers) {
      const auto engines = offer.get_descriptors(CUDNN_ATTR_ENGINECFG_ENGINE, CUDNN_BACKEND_ENGINE_DESCRIPTOR, 1);
      const auto notes =
          engines.at(0).get_all<cudnnBackendNumericalNote_t>(CUDNN_ATTR_ENGINE_NUMERICAL_NOTE, most_kinds);
      random += !deterministic(notes);
      imprecise += deterministic(notes) && !precise(notes, precision_);
      if (!deterministic(notes) || !precise(notes, precision_)) continue;
      // Whether it could be planned does not matter then, and finalising a plan may compile its kernels.
      const auto workspace = offer.find<std::int64_t>(attribute::configuration_workspace);
      if (workspace && !wants(static_cast<std::size_t>(*workspace), found)) {
        ++rank_;
        continue;
      }
      Engine engine = engine_of(offer, engines[0]);
      engine.fused = fused;
      try {
        engine.workspace_bytes = ExecutionPlan::workspace_bytes(library_, graph, engine);
      } catch (const BackendError& error) {
        ++refused;
        refusal = error.what();
        continue;
      }
      engine.rank = rank_++;
      const bool known = std::ranges::find(found, engine.str(), &Engine::str) != found.end();
      if (!known && wants(engine.workspace_bytes, found)) {
        least_workspace_ = std::min(least_workspace_, engine.workspace_bytes);
        found.push_back(std::move(engine));
      }
      if (enough(found)) return;
    }
    tried_ += std::to_string(offers.size()) + " offered, " + std::to_string(random) + " not deterministic, " +
              std::to_string(imprecise) + " of another precision, " + std::to_string(refused) + " not plannable" +
              (refusal.empty() ? "" : " (" + refusal + ")");
  }

  static constexpr std::size_t no_limit = std::numeric_limits<std::size_t>::max();

  bool wants_any(const std::vector<Engine>& found) const {
    return wanted_ == Wanted::worth_timing && found.size() < timed_whatever_they_need;
  }
  bool wants(std::size_t workspace_bytes, const std::vector<Engine>& found) const {
    return workspace_bytes < least_workspace_ || wants_any(found);
  }
  bool enough(const std::vector<Engine>& found) const { return least_workspace_ == 0 && !wants_any(found); }

  Library& library_;
  Precision precision_;
  Wanted wanted_;
  std::size_t least_workspace_ = no_limit;  // of what was found
  std::int64_t rank_ = 0;
  std::string tried_;
};

}  // namespace

std::vector<Engine> find_engines(Library& library, std::string_view op, const Convolution& convolution, Wanted wanted) {
  EngineSearch search(library, wanted);
  std::vector<Engine> found;
  if (convolution.bias || convolution.relu) found = search.in(convolution, /*fused=*/true);
  if (convolution.relu) return found;
  if (found.empty()) found = search.in(convolution, /*fused=*/false);
  if (found.empty())
    throw BackendError(std::string(op) + ": cuDNN " + version() + " has no plan for it; got " + convolution.str() +
                       ", f32 in " + std::string(name(library.backend().precision())) + " on " +
                       library.backend().properties().name + "; expected one that it can plan; tried " +
                       search.tried());
  return found;
}

}  // namespace sluice::cudnn
