#pragma once

#include <set>
#include <string>
#include <vector>

#include <sluice/data/loader.h>
#include <sluice/mbp/plan/run_plan.h>

namespace sluice {

/// Returns the ranges that the ops of `program` require of the integers in the fields of `data` (Op::integer_range).
std::vector<FieldCheck> field_checks(const Program& program, const DataSpec& data);
/// Returns the names of the fields that replays of `program` read or return unchanged.
std::set<std::string> fields_read(const Program& program);

}  // namespace sluice
