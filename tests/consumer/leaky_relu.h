#pragma once

#include <sluice/sluice.h>

namespace consumer {

/// x where x > 0, else slope · x, elementwise. x: any shape and scope, floating; may be overwritten. Throws ShapeError
/// when x is not floating.
sluice::Var leaky_relu(sluice::Var x, double slope = 0.1);

/// Gives the CPU the kernels of leaky_relu and its gradient, and of leaky_relu behind a sum, which is fused; call it
/// once, before the first plan.
void register_leaky_relu();

/// leaky_relu as a layer.
class LeakyRelu final : public sluice::Module {
 public:
  // With its namespace: sluice has a leaky_relu, too.
  sluice::Var forward(sluice::Var x) override { return consumer::leaky_relu(x); }
};

}  // namespace consumer
