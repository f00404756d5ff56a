#pragma once

#include <functional>
#include <string>

#include <sluice/mbp/train/trainer.h>

#include "common/outputs.h"
#include "common/trainer_flags.h"

namespace sluice::samples {

// What every trainer sample does besides its model and data: exit codes 0 (done), 1 (an error, or an output that could
// not be written), 2 (wrong usage, found before any data is opened), 130 (after Ctrl-C; 143 after SIGTERM, 129 after
// SIGHUP).

using TrainerBody = std::function<int(const TrainerFlags& flags, Outputs& outputs)>;

/// Parses the command line, checks what can be checked without data, and calls `body`. Returns the exit code; errors
/// that body throws are printed and give 1.
int trainer_main(int argc, const char* const* argv, const std::string& about, TrainerFlags defaults,
                 const TrainerBody& body);

struct TrainerJob {
  std::string model;    ///< name in the report
  std::string dataset;  ///< name in the report
  Module& net;
  StepFunction step;  ///< must give an output called "accuracy"
  const Dataset& train;
  const Dataset& test;
};

/// Prints the plan, trains for flags.epochs with a progress bar, tests after every epoch, prints the memory report,
/// writes the files that the flags name. The learning rate rises for a quarter of the run, at most two epochs, and
/// falls along a cosine. Returns the exit code. What training throws is thrown on once the files are written, which
/// then hold the epochs before it.
int run_trainer(const TrainerFlags& flags, const TrainerJob& job, Outputs& outputs);

}  // namespace sluice::samples
