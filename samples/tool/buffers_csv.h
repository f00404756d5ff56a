#pragma once

#include <string>

#include <sluice/mbp/plan/plan_details.h>

namespace sluice::samples {

/// The buffers of the part that decides the arena's size, as `sluice pack` reads them: lifetimes in kernels, sizes in
/// bytes, and in the column offset where the plan puts them. Values that are stored for a later stage are alive all the
/// time. Only the header where nothing is in the arena.
std::string buffers_csv(const PlanDetails& details);

}  // namespace sluice::samples
