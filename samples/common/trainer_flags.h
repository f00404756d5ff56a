#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <sluice/core/device.h>
#include <sluice/mbp/train/trainer.h>

#include "common/checkpoint_folder.h"
#include "common/planner_flags.h"

namespace sluice::samples {

/// Flags of every trainer sample. A sample sets its own defaults before parsing.
struct TrainerFlags {
  std::vector<std::string> models = {};  ///< what --model may name; empty: there is one model, and no such flag
  std::string model = {};                ///< empty: the first of `models`
  std::map<std::string, std::string> other_models = {};  ///< what to say of a name that other programs give a net
  std::string data = {};                                 ///< directory; empty: where the data set usually is
  std::string data_help = "directory of the data set's files";
  std::int64_t epochs = 1;
  std::int64_t batch = 256;
  std::int64_t micro_batch = 0;  ///< 0: auto
  bool fastest = false;          ///< with that: the size predicted to be fastest
  bool drop_last = false;
  OnNonFinite on_non_finite = OnNonFinite::stop;
  PlannerFlags planner = {};
  std::size_t budget = 0;  ///< bytes; 0: none; free_memory
  std::string optimizer = "adam";
  std::optional<double> lr = {};  ///< empty: adam_lr or sgd_lr
  double adam_lr = 1e-3;
  double sgd_lr = 0.05;
  double momentum = 0.9;  ///< of SGD; beta1 of Adam
  double weight_decay = 0;
  std::uint64_t seed = 1;
  std::string device = "cpu";
  int threads = 0;  ///< 0: all cores
  Precision precision = Precision::automatic;
  bool record = true;       ///< CUDA graphs
  std::int64_t limit = 0;   ///< samples of each split; 0: all
  bool exact_bn = false;    ///< BatchNorm over the logical batch
  std::string tuning = {};  ///< file of measured algorithms; empty: the cost model chooses
  bool tune = false;
  CheckpointFlags checkpoint = {};
  bool plan_only = false;
  bool verify_memory = false;
  bool quiet = false;
  std::string json = {};
  std::string trace = {};        ///< file for the times of kernels
  std::int64_t trace_steps = 2;  ///< how many steps of them
  std::string report = {};       ///< file for the page of the plan and its memory
  std::string svg = {};          ///< folder for its figures

  double learning_rate() const { return lr.value_or(optimizer == "sgd" ? sgd_lr : adam_lr); }
};

/// Reads the command line into `flags`. Returns the exit code when there is nothing more to do: 0 after --help, 2 after
/// printing what is wrong. A flag given twice counts as given last.
std::optional<int> parse_trainer_flags(int argc, const char* const* argv, const std::string& about,
                                       TrainerFlags& flags);

}  // namespace sluice::samples
