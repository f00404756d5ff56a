#pragma once

#include "tool/command.h"

namespace sluice::samples {

/// `sluice pack`: offsets for the buffers of a CSV file (tool/packing_csv.h). Exit code 3: they do not fit into the
/// capacity, or not within the time.
Command pack_command();

}  // namespace sluice::samples
