#pragma once

#include <algorithm>

#include <sluice/core/kernel.h>
#include <sluice/kernels/cross_entropy/cross_entropy.h>
#include <sluice/kernels/cross_entropy/cross_entropy_functors.h>

namespace sluice {

/// What the cross entropy kernels of every device know from lowering, and how they find things in their inputs.
/// Everything is plain: logits [samples][classes][positions], labels [samples][positions].
struct CrossEntropyView {
  std::int64_t samples = 1, classes = 0, positions = 1;
  int class_weights = -1, sample_weights = -1, dloss = -1;  ///< input indices; -1: absent
  bool dloss_is_batch = false;
  bool ignores = false;
  std::int32_t ignore_index = 0;

  /// Reads op and extents of a lowering; `has_dloss` for the gradient.
  static CrossEntropyView of(const LoweringContext& context, bool has_dloss) {
    const auto& op = context.op<CrossEntropyOp>();
    const LoweredValue& labels = context.input(op.labels_input());
    CrossEntropyView view;
    view.samples = labels.dims[0];
    view.positions = labels.elements() / view.samples;
    if (op.logits_input() >= 0) view.classes = context.input(0).dims[1];
    view.class_weights = op.class_weights_input();
    view.sample_weights = op.sample_weights_input();
    if (view.class_weights >= 0) view.classes = context.input(view.class_weights).dims[0];
    if (has_dloss) {
      view.dloss = op.last_input();
      view.dloss_is_batch = context.input(view.dloss).scope == Scope::batch;
    }
    view.ignores = op.cross_entropy_options().ignore_index.has_value();
    view.ignore_index = op.cross_entropy_options().ignore_index.value_or(0);
    return view;
  }

  template <class T>
  LabelWeight<T> label_weight(const Addresses& at) const {
    return {ignores, ignore_index, classes, input<T>(at, class_weights)};
  }
  template <class T>
  T sample_weight(const Addresses& at, std::int64_t n) const {
    return sample_weights < 0 ? T(1) : input<T>(at, sample_weights)[n];
  }
  template <class T>
  T dloss_of(const Addresses& at, std::int64_t n) const {
    return input<T>(at, dloss)[dloss_is_batch ? 0 : n];
  }
  /// Input `i`, or null when it is absent.
  template <class T>
  static const T* input(const Addresses& at, int i) {
    return i < 0 ? nullptr : static_cast<const T*>(at.inputs[static_cast<std::size_t>(i)]);
  }
};

/// Σ over positions [begin, end) of sample n of w · nll.
template <class T>
double cross_entropy_loss_part(const CrossEntropyView& view, const Addresses& at, std::int64_t n, std::int64_t begin,
                               std::int64_t end) {
  const T sample = view.sample_weight<T>(at, n);
  if (sample == T(0)) return 0;
  const LabelWeight<T> weight = view.label_weight<T>(at);
  const T* x = view.input<T>(at, 0) + n * view.classes * view.positions;
  const std::int32_t* labels = view.input<std::int32_t>(at, 1) + n * view.positions;
  double sum = 0;
  for (std::int64_t p = begin; p < end; ++p)
    sum += static_cast<double>(
        cross_entropy_at(x + p, view.classes, view.positions, labels[p], sample * weight(labels[p])));
  return sum;
}

/// Σ over all positions of sample n of w.
template <class T>
double cross_entropy_weight_of(const CrossEntropyView& view, const Addresses& at, std::int64_t n) {
  const T sample = view.sample_weight<T>(at, n);
  if (sample == T(0)) return 0;
  const LabelWeight<T> weight = view.label_weight<T>(at);
  const std::int32_t* labels = view.input<std::int32_t>(at, 0) + n * view.positions;
  double sum = 0;
  for (std::int64_t p = 0; p < view.positions; ++p) sum += static_cast<double>(sample * weight(labels[p]));
  return sum;
}

/// The gradient at positions [begin, end) of sample n.
template <class T>
void cross_entropy_grad_part(const CrossEntropyView& view, const Addresses& at, std::int64_t n, std::int64_t begin,
                             std::int64_t end) {
  const T sample = view.sample_weight<T>(at, n), dloss = view.dloss_of<T>(at, n);
  const LabelWeight<T> weight = view.label_weight<T>(at);
  const std::int64_t first = n * view.classes * view.positions;
  const T* x = view.input<T>(at, 0) + first;
  T* dx = static_cast<T*>(at.outputs[0]) + first;
  const std::int32_t* labels = view.input<std::int32_t>(at, 1) + n * view.positions;
  for (std::int64_t p = begin; p < end; ++p) {
    const T w = sample == T(0) ? T(0) : sample * weight(labels[p]);
    cross_entropy_grad_at(x + p, dx + p, view.classes, view.positions, labels[p], w, dloss);
  }
}

}  // namespace sluice
