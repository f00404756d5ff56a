#include <sluice/kernels/cudnn/convolution.h>

#include <algorithm>
#include <array>
#include <optional>

#include <sluice/core/error.h>
#include <sluice/kernels/cuda/add_bias.h>
#include <sluice/kernels/cuda/workspace.h>
#include <sluice/kernels/cudnn/library.h>

namespace sluice::cudnn {
namespace {

const char* name(Direction direction) {
  switch (direction) {
    case Direction::forward: return "forward";
    case Direction::backward_data: return "backward data";
    case Direction::backward_filter: break;
  }
  return "backward filter";
}

std::string shape(std::int64_t a, std::int64_t b, Size2d size) { return Shape{a, b, size.h, size.w}.str(); }

class CudnnPlan final : public ConvolutionPlan {
 public:
  CudnnPlan(Library& library, const Convolution& convolution, const Engine& engine)
      : library_(library),
        convolution_(convolution),
        engine_(engine) {}

  std::size_t workspace_bytes() const override { return cuda::with_alignment(engine_.workspace_bytes); }
  std::string algorithm() const override { return engine_.str(); }
  // cuDNN tells the order of engines, not how far they are apart.
  double work() const override { return 1 + 0.1 * static_cast<double>(engine_.rank); }

  void prepare() override {
    library_.cache().save();  // planning is over
    plan_ = library_.execution_plan(convolution_, engine_);
  }

  void run(void* x, void* w, void* y, const void* bias, void* workspace) override {
    const Operands operands{x, w, y, const_cast<void*>(bias), workspace};  // read, but cuDNN has one type for all
    if (!pack_ || operands != operands_) bind(operands);
    library_.backend().select();
    check(cudnnBackendExecute(library_.handle(), plan_->descriptor().raw(), pack_->raw()), "cudnnBackendExecute");
    if (convolution_.bias && !engine_.fused)
      cuda::add_bias(library_.backend().queue(), static_cast<float*>(y), static_cast<const float*>(bias),
                     convolution_.n * convolution_.out.h * convolution_.out.w, convolution_.k);
  }

 private:
  using Operands = std::array<void*, 5>;  // x, w, y, bias, workspace

  /// Kernels keep their addresses, so this happens once.
  void bind(const Operands& operands) {
    constexpr std::array<std::int64_t, 4> ids{uid::x, uid::w, uid::y, uid::bias};
    const std::size_t count = convolution_.bias && engine_.fused ? 4 : 3;
    Descriptor pack(CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR);
    pack.set_all(CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, std::span(ids).first(count));
    pack.set_pointers(CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, std::span(operands).first(count));
    const std::array<void*, 1> workspace{operands[4] ? cuda::align_workspace(operands[4]) : nullptr};
    pack.set_pointers(CUDNN_ATTR_VARIANT_PACK_WORKSPACE, workspace);
    pack.finalize();
    pack_ = std::move(pack);
    operands_ = operands;
  }

  Library& library_;
  Convolution convolution_;
  Engine engine_;
  std::shared_ptr<const ExecutionPlan> plan_;
  std::optional<Descriptor> pack_;
  Operands operands_ = {};
};

}  // namespace

std::string Convolution::str() const {
  return std::string(name(direction)) + " x=" + shape(n, c, in) + " w=" + shape(k, c / groups, kernel) +
         " y=" + shape(n, k, out) + " stride=" + stride.str() + " padding=" + padding.str() +
         " dilation=" + dilation.str() + " groups=" + std::to_string(groups) + (bias ? " bias" : "") +
         (relu ? " relu" : "");
}

std::shared_ptr<ConvolutionPlan> plan(const LoweringContext& context, const Convolution& convolution) {
  auto& library = cuda::backend(context).one<Library>();
  PlanCache& cache = library.cache();
  const Wanted wanted = context.has_chooser() ? Wanted::worth_timing : Wanted::first_within_any_cap;
  const std::string key = convolution.str() + ", " + cuda::name(library.backend().precision()) +
                          (wanted == Wanted::worth_timing ? ", to be timed" : "");
  const std::vector<Engine>* engines = cache.find(key);
  if (!engines || (engines->empty() && !convolution.relu))
    engines = &cache.add(key, find_engines(library, context.op().type(), convolution, wanted));
  if (engines->empty()) return nullptr;

  const auto bytes = [](const Engine& engine) { return cuda::with_alignment(engine.workspace_bytes); };
  std::vector<std::string> names;
  for (const Engine& engine : *engines)
    if (bytes(engine) <= context.workspace_cap_bytes()) names.push_back(engine.str());
  if (names.empty())
    return std::make_shared<CudnnPlan>(library, convolution, *std::ranges::min_element(*engines, {}, bytes));
  const std::vector<std::string_view> candidates(names.begin(), names.end());
  const std::string_view chosen = context.choose(candidates, candidates[0]);
  return std::make_shared<CudnnPlan>(library, convolution, *std::ranges::find(*engines, chosen, &Engine::str));
}

}  // namespace sluice::cudnn
