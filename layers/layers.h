#pragma once

// All layers. Losses: layers/losses.h.

#include <sluice/layers/batch_norm2d.h>
#include <sluice/layers/conv2d.h>
#include <sluice/layers/conv_transpose2d.h>
#include <sluice/layers/linear.h>
#include <sluice/layers/module.h>
#include <sluice/layers/sequential.h>
#include <sluice/layers/stateless.h>
