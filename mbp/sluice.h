#pragma once

/// Everything a user of Sluice needs.

#include <sluice/core/differentiate.h>
#include <sluice/core/evaluate.h>
#include <sluice/core/structural.h>
#include <sluice/data/cifar10.h>
#include <sluice/data/fashion_mnist.h>
#include <sluice/data/tensor_dataset.h>
#include <sluice/kernels/arithmetic/arithmetic.h>
#include <sluice/kernels/concat/concat.h>
#include <sluice/kernels/reduce/reduce.h>
#include <sluice/layers/layers.h>
#include <sluice/layers/losses.h>
#include <sluice/layers/summary.h>
#include <sluice/mbp/byte_size.h>
#include <sluice/mbp/trainer.h>
#include <sluice/optim/adam.h>
#include <sluice/optim/schedule.h>
#include <sluice/optim/sgd.h>
