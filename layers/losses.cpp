#include <sluice/layers/losses.h>

#include <sluice/core/structural.h>
#include <sluice/kernels/accuracy/accuracy.h>
#include <sluice/kernels/arithmetic/arithmetic.h>
#include <sluice/kernels/shared/input_checks.h>

namespace sluice {

Var cross_entropy(Var logits, Var labels, const CrossEntropyOptions& options, Var class_weights, Var sample_weights) {
  check_labels("cross_entropy", logits.spec(), labels.spec());
  const LayerScope scope(logits.graph(), "cross_entropy");
  const Var loss = batch_sum(cross_entropy_loss(logits, labels, options, class_weights, sample_weights));
  const Var weight = batch_sum(cross_entropy_weight(labels, options, class_weights, sample_weights));
  return div(loss, weight);
}

Var accuracy(Var logits, Var labels, const CrossEntropyOptions& options) {
  check_labels("accuracy", logits.spec(), labels.spec());
  const LayerScope scope(logits.graph(), "accuracy");
  const Var hits = batch_sum(correct(logits, labels, {.ignore_index = options.ignore_index}));
  return div(hits, batch_sum(cross_entropy_weight(labels, options)));
}

}  // namespace sluice
