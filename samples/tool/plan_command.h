#pragma once

#include "tool/command.h"

namespace sluice::samples {

/// `sluice plan`: what training a model of the catalog would take, for several budgets, without taking it.
Command plan_command();

}  // namespace sluice::samples
