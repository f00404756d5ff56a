#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sluice/core/kernel_table.h>
#include <sluice/core/op.h>
#include <sluice/core/run_context.h>

namespace sluice {

class Backend;

/// An input or output of a node for its kernel. `dims` of a sample value begin with the micro-batch.
struct LoweredValue {
  Shape dims;
  DType dtype = DType::f32;  ///< as stored on the device
  Scope scope = Scope::sample;
  Layout layout;
  bool pinned = true;  ///< false: this kernel may choose the layout (a parameter at its first use)

  std::int64_t elements() const { return dims.elements(); }
  /// Elements in memory, block padding included.
  std::int64_t padded_elements() const { return layout.padded_elements(dims); }
  std::size_t bytes() const { return layout.bytes(dims, dtype); }
};

/// Chooses between the algorithms of a kernel, instead of the cost model.
class AlgorithmChooser {
 public:
  virtual ~AlgorithmChooser() = default;
  /// Returns one of `candidates`; `preferred` is the choice of the cost model.
  virtual std::string_view choose(const LoweringContext& context, std::span<const std::string_view> candidates,
                                  std::string_view preferred) = 0;
};

/// The argument of a kernel factory: op, operands and limits. A factory only chooses algorithm and layouts; Op::infer
/// has checked the shapes.
class LoweringContext {
 public:
  LoweringContext(const Op& op, Backend& backend, std::vector<LoweredValue> inputs, std::vector<LoweredValue> outputs,
                  std::size_t workspace_cap_bytes, AlgorithmChooser* chooser = nullptr)
      : op_(op),
        backend_(backend),
        inputs_(std::move(inputs)),
        outputs_(std::move(outputs)),
        workspace_cap_bytes_(workspace_cap_bytes),
        chooser_(chooser) {}

  template <class T>
  const T& op() const {
    return static_cast<const T&>(op_);
  }
  const Op& op() const { return op_; }
  /// The second op of a Fusion, whose output 0 is then the only output; else null.
  const Op* second() const { return second_; }
  Backend& backend() const { return backend_; }
  int inputs() const { return static_cast<int>(inputs_.size()); }
  int outputs() const { return static_cast<int>(outputs_.size()); }
  const LoweredValue& input(int i) const { return inputs_[static_cast<std::size_t>(i)]; }
  const LoweredValue& output(int i) const { return outputs_[static_cast<std::size_t>(i)]; }
  /// Limit for the workspace of this kernel. It decides between algorithms. If even the smallest workspace exceeds it,
  /// the kernel takes that one.
  std::size_t workspace_cap_bytes() const { return workspace_cap_bytes_; }

  /// Returns the candidate that the kernel must use: the fastest by measured times if there are any, else `preferred`.
  /// All candidates must be possible for these operands and within the cap.
  std::string_view choose(std::span<const std::string_view> candidates, std::string_view preferred) const {
    return chooser_ && candidates.size() > 1 ? chooser_->choose(*this, candidates, preferred) : preferred;
  }
  std::string_view choose(std::initializer_list<std::string_view> candidates, std::string_view preferred) const {
    return choose(std::span(candidates.begin(), candidates.size()), preferred);
  }
  /// Whether choose() may return another candidate than the preferred one. If not, a factory needs only that one.
  bool has_chooser() const { return chooser_ != nullptr; }
  /// Returns this context with another chooser.
  LoweringContext with_chooser(AlgorithmChooser* chooser) const {
    LoweringContext other = *this;
    other.chooser_ = chooser;
    return other;
  }
  LoweringContext with_second(const Op& second) const {
    LoweringContext other = *this;
    other.second_ = &second;
    return other;
  }
  /// Text of everything that decides the speed of an algorithm: op, options and extents.
  std::string key() const;
  /// Returns the device's factory for the op; null if it has none.
  const KernelFactory* factory() const;

  /// Requires input `i` to be in `layout`, which input(i) shows from then on. A pinned input in another layout is
  /// reordered first: once per step for batch values, in every replay for sample values. An unpinned one is pinned to
  /// `layout`.
  void require(int i, const Layout& layout) {
    inputs_[static_cast<std::size_t>(i)].layout = layout;
    inputs_[static_cast<std::size_t>(i)].pinned = true;
  }
  void require_plain(int i) { require(i, Layout()); }
  /// Sets the layout of output `i`. Throws BackendError if output(i).pinned (a gradient has the layout of its
  /// parameter).
  void set_layout(int i, const Layout& layout);

 private:
  const Op& op_;
  const Op* second_ = nullptr;
  Backend& backend_;
  std::vector<LoweredValue> inputs_, outputs_;
  std::size_t workspace_cap_bytes_;
  AlgorithmChooser* chooser_;
};

/// The addresses of a kernel's operands. They stay the same for the life of a program.
struct Addresses {
  std::vector<void*> inputs, outputs;
  void* workspace = nullptr;
};

/// An op on a device for fixed shapes, layouts and algorithm. Contract of run(): it reads the inputs, writes the whole
/// of each output (accumulating nodes: adds to it) and uses at most workspace_bytes(). It allocates nothing and touches
/// nothing else. An output may have the address of an input if Op::in_place_inputs allows it.
class Kernel {
 public:
  virtual ~Kernel() = default;

  virtual std::size_t workspace_bytes() const { return 0; }
  /// The algorithm, for the plan's listing and hash ("jit:avx512_core", "winograd", ...).
  virtual std::string algorithm() const { return {}; }
  /// Multiply-adds of the algorithm ÷ those that Op::flops counts.
  virtual double work() const { return 1; }
  /// Called once, when addresses are known. Work that takes time or heap memory (JIT, argument maps) belongs here, not
  /// in run(). May write outputs and workspace; must not write inputs.
  virtual void bind(const Addresses& addresses) { addresses_ = addresses; }
  virtual void run(const RunContext& context) = 0;

 protected:
  template <class T>
  const T* in(int i) const {
    return static_cast<const T*>(addresses_.inputs[static_cast<std::size_t>(i)]);
  }
  template <class T>
  T* out(int i) const {
    return static_cast<T*>(addresses_.outputs[static_cast<std::size_t>(i)]);
  }
  /// An input that the op updates in place (Op::mutates).
  template <class T>
  T* inout(int i) const {
    return static_cast<T*>(addresses_.inputs[static_cast<std::size_t>(i)]);
  }
  template <class T>
  T* workspace() const {
    return static_cast<T*>(addresses_.workspace);
  }

  Addresses addresses_;
};

/// A kernel made of a function: `run` is called with the kernel itself for its addresses.
/// For ops whose whole device code is one loop.
template <class Run>
class FunctionKernel final : public Kernel {
 public:
  explicit FunctionKernel(Run run) : run_(std::move(run)) {}
  void run(const RunContext& context) override { run_(addresses_, context); }

 private:
  Run run_;
};

/// `run(const Addresses&, const RunContext&)` as a Kernel.
template <class Run>
std::unique_ptr<Kernel> make_kernel(Run run) {
  return std::make_unique<FunctionKernel<Run>>(std::move(run));
}

}  // namespace sluice
