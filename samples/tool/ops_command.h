#pragma once

#include <string>

#include <sluice/core/kernel.h>

#include "tool/command.h"

namespace sluice::samples {

/// `sluice ops`: which library does an op's work on which device.
Command ops_command();

/// That as a table in Markdown, and another of what is done in one pass. A null device is left out; an op that a listed
/// device has no kernel for is a "–" there.
std::string op_table(const KernelTable* cpu, const KernelTable* cuda);

}  // namespace sluice::samples
