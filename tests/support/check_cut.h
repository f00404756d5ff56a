#pragma once

#include <sluice/core/stages.h>

namespace sluice::test {

/// Walks a cut as a scheduler would and fails the running test unless
/// - every value is there before it is read: batch values complete, sample values computed or loaded in the same
/// replay;
/// - every accumulating node and every batch node that is needed runs exactly once;
/// - what is loaded was stored by an earlier stage, what is stored is loaded by a later one, and nothing is both
/// computed and
///   loaded in one stage; with Crossing::recompute there is neither, with Crossing::store no expensive node runs twice;
/// - StageCut::available says when batch values are complete, and all outputs and inputs of writers exist in the end.
void check_cut(const Graph& graph, const StageCut& cut, Crossing crossing);

}  // namespace sluice::test
