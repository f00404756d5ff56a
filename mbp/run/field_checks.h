#pragma once

#include <set>
#include <string>
#include <vector>

#include <sluice/data/loader.h>
#include <sluice/mbp/plan/run_plan.h>

namespace sluice {

/// What the ops of `program` that read fields of `data` ask of their integers (Op::integer_range).
std::vector<FieldCheck> field_checks(const Program& program, const DataSpec& data);
/// Names of the fields that replays of `program` read, or hand out as they are.
std::set<std::string> fields_read(const Program& program);

}  // namespace sluice
