#include <sluice/kernels/cudnn/convolution_plan.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <limits>
#include <optional>
#include <set>
#include <string>

#include <sluice/core/error.h>
#include <sluice/kernels/cuda/epilogue.h>
#include <sluice/kernels/cuda/workspace.h>
#include <sluice/kernels/cudnn/engine_search.h>
#include <sluice/kernels/cudnn/execution_plan.h>
#include <sluice/kernels/cudnn/library.h>

namespace sluice::cudnn {
namespace {

/// Said once for an engine: a relu that costs a pass of its own was not in the plan's prediction.
void warn_of_lost_nan(const Engine& engine) {
  static std::set<std::string> reported;
  if (reported.insert(engine.str()).second)
    std::fprintf(stderr,
                 "sluice: warning: cuDNN's %s makes NaN 0 in a relu; behind its convolutions relus are done in a pass "
                 "of their own\n",
                 engine.str().c_str());
}

class CudnnPlan final : public ConvolutionPlan {
 public:
  /// `work`: as ConvolutionPlan::work.
  CudnnPlan(Library& library, const Convolution& convolution, const Engine& engine, double work)
      : library_(library),
        convolution_(convolution),
        engine_(engine),
        planned_workspace_bytes_(engine.workspace_bytes),
        work_(work) {}

  std::size_t workspace_bytes() const override { return cuda::with_alignment(planned_workspace_bytes_); }
  std::string algorithm() const override { return engine_.str(); }
  double work() const override { return work_; }

  void prepare(const ConvolutionOperands& operands) override {
    library_.cache().save();  // planning is over
    plan_ = execution_plan(library_, convolution_, engine_);
    if (!convolution_.relu || passes_nan(operands)) return;
    warn_of_lost_nan(engine_);
    convolution_.relu = false;
    relu_apart_ = true;
    engine_ = engine_without_relu();
    plan_ = execution_plan(library_, convolution_, engine_);
    pack_.reset();
  }

  void run(const ConvolutionOperands& operands) override {
    execute(operands);
    auto* const y = static_cast<float*>(operands.y);
    const std::int64_t rows = convolution_.n * convolution_.out.h * convolution_.out.w;
    if (convolution_.bias && !engine_.fused)
      cuda::add_bias(library_.backend().queue(), y, static_cast<const float*>(operands.bias), rows, convolution_.k);
    if (relu_apart_) cuda::relu_in_place(library_.backend().queue(), y, rows * convolution_.k);
  }

 private:
  void execute(const ConvolutionOperands& operands) {
    if (!pack_ || operands != operands_) bind(operands);
    library_.backend().select();
    check(cudnnBackendExecute(library_.handle(), plan_->descriptor().raw(), pack_->raw()), "cudnnBackendExecute");
  }

  /// Kernels keep their addresses, so this happens once.
  void bind(const ConvolutionOperands& operands) {
    constexpr std::array<std::int64_t, 4> ids{uid::x, uid::w, uid::y, uid::bias};
    // The bias is read, but cuDNN has one type for all.
    const std::array<void*, 4> tensors{operands.x, operands.w, operands.y, const_cast<void*>(operands.bias)};
    const std::size_t count = convolution_.bias && engine_.fused ? 4 : 3;
    Descriptor pack(CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR);
    pack.set_all(CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, std::span(ids).first(count));
    pack.set_pointers(CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, std::span(tensors).first(count));
    const std::array<void*, 1> workspace{operands.workspace ? cuda::align_workspace(operands.workspace) : nullptr};
    pack.set_pointers(CUDNN_ATTR_VARIANT_PACK_WORKSPACE, workspace);
    pack.finalize();
    pack_ = std::move(pack);
    operands_ = operands;
  }

  /// Whether y has the NaN that the bias of its first channel has, whatever x and w hold. Engines with the note
  /// CUDNN_NUMERICAL_NOTE_STRICT_NAN_PROP promise it; of the others nothing is written.
  bool passes_nan(const ConvolutionOperands& operands) {
    if (!convolution_.bias) return false;
    constexpr float nan = std::numeric_limits<float>::quiet_NaN();
    Backend& backend = library_.backend();
    void* const bias = const_cast<void*>(operands.bias);
    float saved = 0, y = 0;
    backend.copy_out(&saved, bias, sizeof saved);
    backend.copy_in(bias, &nan, sizeof nan);
    execute(operands);
    backend.copy_out(&y, operands.y, sizeof y);
    backend.copy_in(bias, &saved, sizeof saved);
    return std::isnan(y);
  }

  /// An engine belongs to its graph: of the one without the relu, the first that needs no more than was planned.
  Engine engine_without_relu() const {
    const auto engines = find_engines(library_, "conv2d", convolution_, Wanted::first_within_any_cap);
    const auto fits = [this](const Engine& engine) { return engine.workspace_bytes <= planned_workspace_bytes_; };
    if (const auto found = std::ranges::find_if(engines, fits); found != engines.end()) return *found;
    throw BackendError("cuDNN: " + engine_.str() +
                       " makes NaN 0 in a relu, and without the relu no plan needs so little "
                       "workspace; got " +
                       std::to_string(planned_workspace_bytes_) + " bytes for " + convolution_.str() + "; expected " +
                       std::to_string(engines.back().workspace_bytes));
  }

  Library& library_;
  Convolution convolution_;  // what the plan does
  Engine engine_;
  std::size_t planned_workspace_bytes_;
  double work_;
  bool relu_apart_ = false;
  std::shared_ptr<const ExecutionPlan> plan_;
  std::optional<Descriptor> pack_;
  ConvolutionOperands operands_;
};

}  // namespace

std::shared_ptr<ConvolutionPlan> plan(const LoweringContext& context, const Convolution& convolution) {
  auto& library = cuda::backend(context).one<Library>();
  PlanCache& cache = library.cache();
  const Wanted wanted = context.has_chooser() ? Wanted::worth_timing : Wanted::first_within_any_cap;
  const std::string key = convolution.str() + ", " + std::string(name(library.backend().precision())) +
                          (wanted == Wanted::worth_timing ? ", to be timed" : "");
  const std::vector<Engine>* engines = cache.find(key);
  if (!engines) engines = &cache.add(key, find_engines(library, context.op().type(), convolution, wanted));
  if (engines->empty()) return nullptr;

  // cuDNN tells the order of engines, not how far they are apart; a measured choice is as good as the first.
  const auto work = [](const Engine& engine) { return 1 + 0.1 * static_cast<double>(engine.rank); };
  const auto bytes = [](const Engine& engine) { return cuda::with_alignment(engine.workspace_bytes); };
  const auto fits = [&](const Engine& engine) { return bytes(engine) <= context.workspace_cap_bytes(); };
  const auto first = std::ranges::find_if(*engines, fits);
  if (first == engines->end()) {
    const Engine& least = *std::ranges::min_element(*engines, {}, bytes);
    return std::make_shared<CudnnPlan>(library, convolution, least, work(least));
  }
  std::vector<std::string> names;
  for (const Engine& engine : *engines)
    if (fits(engine)) names.push_back(engine.str());
  const std::vector<std::string_view> candidates(names.begin(), names.end());
  const std::string_view chosen = context.choose(candidates, candidates[0]);
  return std::make_shared<CudnnPlan>(library, convolution, *std::ranges::find(*engines, chosen, &Engine::str),
                                     work(*first));
}

}  // namespace sluice::cudnn
