#include "common/trainer_report.h"

#include <cmath>

#include <nlohmann/json.hpp>

#include "common/json_text.h"

namespace sluice::samples {
namespace {

using Json = nlohmann::ordered_json;

Json number(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }
Json number(const std::optional<double>& value) { return value ? number(*value) : Json(nullptr); }

}  // namespace

std::string to_json(const TrainerReport& report, const TrainerFlags& flags, const Plan& plan) {
  const bool ran = report.memory.has_value();
  const EpochReport* const last = report.epochs.empty() ? nullptr : &report.epochs.back();
  Json json;
  json["model"] = report.model;
  json["dataset"] = report.dataset;
  json["device"] = flags.device;
  json["threads"] = report.threads;
  json["seed"] = flags.seed;
  json["plan_hash"] = plan.hash;
  json["weights_hash"] = ran ? Json(report.weights_hash) : Json(nullptr);
  json["logical_batch"] = plan.batch;
  json["dropped_samples"] = plan.dropped;
  json["on_non_finite"] = flags.on_non_finite == OnNonFinite::skip ? "skip" : "stop";
  json["micro_batch"] = plan.micro_batch;
  json["asked_micro_batch"] = plan.asked_micro_batch ? Json(plan.asked_micro_batch) : Json(nullptr);
  json["micro_batches_per_step"] = plan.replays;
  json["stages"] = plan.stages;
  json["recomputes"] = plan.recomputes;
  json["recompute"] = name(flags.planner.recompute);
  json["recomputed_kernels"] = plan.recomputed;
  json["predicted_step_seconds"] = plan.predicted_step_s;
  json["predicted_recompute_seconds"] = plan.predicted_recompute_s;
  json["split_dependent"] = plan.split_dependent;
  json["bn"] = flags.exact_bn ? "exact" : "local";
  json["tuning"] = flags.tuning.empty() ? Json(nullptr) : Json(flags.tuning);
  json["error"] = report.error.empty() ? Json(nullptr) : Json(report.error);
  json["steps"] = report.steps;
  json["skipped_batches"] = report.skipped;
  json["budget_bytes"] = plan.budget_bytes ? Json(plan.budget_bytes) : Json(nullptr);
  json["whole_batch_planned_bytes"] = report.whole_batch_planned_bytes;
  json["planned_peak_bytes"] = plan.planned_peak_bytes();
  json["measured_peak_bytes"] = ran ? Json(report.memory->measured_peak_bytes) : Json(nullptr);
  json["outside_bytes"] = ran ? Json(report.memory->outside_bytes) : Json(nullptr);
  const bool has_device_memory = ran && report.memory->device_outside_bytes;
  json["device_outside_bytes"] = has_device_memory ? Json(*report.memory->device_outside_bytes) : Json(nullptr);
  json["persistent_bytes"] = plan.persistent_bytes;
  json["derived_bytes"] = plan.derived_bytes;
  json["staging_bytes"] = plan.staging_bytes;
  json["arena_bytes"] = plan.arena_bytes;
  json["arena_lower_bound_bytes"] = plan.arena_lower_bound_bytes;
  json["recorded_parts"] = report.parts.recorded;
  json["refused_parts"] = report.parts.refused;
  json["images_per_second"] = ran ? number(report.images_per_second()) : Json(nullptr);
  json["seconds"] = report.seconds;
  json["train_loss"] = last ? number(last->train_loss) : Json(nullptr);
  json["test_accuracy"] = last ? number(last->test_accuracy) : Json(nullptr);
  json["epochs"] = Json::array();
  for (const EpochReport& epoch : report.epochs)
    json["epochs"].push_back({{"epoch", epoch.epoch},
                              {"train_loss", number(epoch.train_loss)},
                              {"test_accuracy", number(epoch.test_accuracy)},
                              {"seconds", epoch.seconds},
                              {"images_per_second", number(epoch.images_per_second)},
                              {"loader_wait_seconds", epoch.waited_s},
                              {"skipped_batches", epoch.skipped}});
  return json_text(json);
}

}  // namespace sluice::samples
