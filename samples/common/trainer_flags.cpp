#include "common/trainer_flags.h"

#include <algorithm>
#include <filesystem>

#include <fmt/format.h>
#include <sluice/core/byte_size.h>

#include "common/flag_parsers.h"

namespace sluice::samples {
namespace {

/// "200": steps; "10m": minutes.
void parse_every(const std::string& text, CheckpointFlags& f) {
  const bool minutes = text.ends_with('m');
  f.every_steps = minutes ? 0 : parse_whole<std::int64_t>(text, 1);
  f.every_minutes =
      minutes ? parse_real(text.substr(0, text.size() - 1), "of minutes above 0", [](double x) { return x > 0; }) : 0;
}

void add_checkpoint_flags(CLI::App& app, CheckpointFlags& f) {
  add(app, "--checkpoint", "DIR", "write checkpoints into this folder: after every epoch, the best one, and at the end",
      [&](const std::string& s) { f.folder = parse_directory(s); });
  add(app, "--checkpoint-every", "N|Nm", "write one after every N steps too, or N minutes: 200, 10m",
      [&](const std::string& s) { parse_every(s, f); });
  add(app, "--checkpoint-keep", "N", fmt::format("leave the newest N, and the best [{}]", f.keep),
      [&](const std::string& s) { f.keep = parse_whole<std::int64_t>(s, 1); });
  app.add_flag("--resume", f.resume, "continue from the newest checkpoint in --checkpoint DIR, if there is one");
  add(app, "--resume-from", "FILE", "continue from this checkpoint", [&](const std::string& s) {
    f.resume_from = parse_state_name(s);
    f.resume = true;
  });
}

void describe(CLI::App& app, TrainerFlags& f) {
  const auto size = [](std::size_t bytes) { return bytes ? format_bytes(bytes) : std::string("none"); };
  const auto number = [](std::int64_t n, const char* zero) { return n ? std::to_string(n) : std::string(zero); };
  add_help_and_version(app, app.get_name());
  if (!f.models.empty()) {
    if (f.model.empty()) f.model = f.models.front();
    add(app, "--model", "NAME", fmt::format("what to train: {} [{}]", fmt::join(f.models, ", "), f.model),
        [&](const std::string& s) {
          if (const auto other = f.other_models.find(s); other != f.other_models.end())
            throw CLI::ValidationError(other->second);
          f.model = parse_choice(s, f.models);
        });
  }
  add(app, "--data", "DIR", f.data_help, [&](const std::string& s) { f.data = parse_directory(s); });
  add(app, "--epochs", "N", fmt::format("passes over the training data [{}]", f.epochs),
      [&](const std::string& s) { f.epochs = parse_whole<std::int64_t>(s, 1); });
  add(app, "--batch", "N", fmt::format("logical batch: samples per update [{}]", f.batch),
      [&](const std::string& s) { f.batch = parse_whole<std::int64_t>(s, 1); });
  add_micro_batch(app, f.micro_batch, f.fastest);
  app.add_flag("--drop-last", f.drop_last, "leave out an epoch's last, partial logical batch");
  add(app, "--on-non-finite", "stop|skip",
      "what to do with a logical batch whose loss or gradients are not finite: end, or go on without it [stop]",
      [&](const std::string& s) {
        f.on_non_finite = parse_choice(s, {"stop", "skip"}) == "skip" ? OnNonFinite::skip : OnNonFinite::stop;
      });
  add(app, "--budget", "SIZE|free|none",
      fmt::format("bytes the framework may take on the device: 64MiB, 800MB, 1.5GiB; free: what a CUDA device has [{}]",
                  size(f.budget)),
      [&](const std::string& s) { f.budget = parse_budget(s); });
  add(app, "--optimizer", "NAME", fmt::format("sgd, adam or adamw [{}]", f.optimizer), [&](const std::string& s) {
    f.optimizer = parse_choice(s, {"sgd", "adam", "adamw"});
  });
  add(app, "--lr", "X", fmt::format("highest learning rate [{} for sgd, {} for adam and adamw]", f.sgd_lr, f.adam_lr),
      [&](const std::string& s) { f.lr = parse_real(s, "above 0", [](double x) { return x > 0; }); });
  add(app, "--momentum", "X", fmt::format("of sgd; beta1 of adam and adamw [{}]", f.momentum),
      [&](const std::string& s) {
        f.momentum = parse_real(s, "from 0 to below 1", [](double x) { return x >= 0 && x < 1; });
      });
  add(app, "--weight-decay", "X", fmt::format("decoupled with adamw [{}]", f.weight_decay),
      [&](const std::string& s) { f.weight_decay = parse_real(s, "of at least 0", [](double x) { return x >= 0; }); });
  add(app, "--seed", "N", fmt::format("of initialisation, order and dropout [{}]", f.seed),
      [&](const std::string& s) { f.seed = parse_whole<std::uint64_t>(s, 0); });
  add(app, "--device", "cpu|cuda", fmt::format("where to compute [{}]", f.device),
      [&](const std::string& s) { f.device = parse_device(s); });
  add(app, "--threads", "N",
      fmt::format("of the cpu device; 0: OMP_NUM_THREADS, or all cores it may use [{}]", f.threads),
      [&](const std::string& s) { f.threads = parse_threads(s); });
  add(app, "--precision", "fp32|tf32|strict",
      "what convolutions and matrix products multiply in; strict: fp32 without Winograd [tf32 where a device has it]",
      [&](const std::string& s) { f.precision = parse_precision(s); });
  app.add_flag_callback(
      "--no-graph", [&f] { f.record = false; }, "launch every kernel of every replay by itself, not as CUDA graphs");
  add(app, "--limit", "N", fmt::format("use the first N samples of each split [{}]", number(f.limit, "all")),
      [&](const std::string& s) { f.limit = parse_whole<std::int64_t>(s, 1); });
  add(app, "--bn", "local|exact", "BatchNorm over each micro-batch or over the logical batch [local]",
      [&](const std::string& s) {
        f.exact_bn = parse_choice(s, {"local", "exact"}) == "exact";
      });
  add(app, "--tuning", "FILE", "choose algorithms by the times in FILE (see --tune)",
      [&](const std::string& s) { f.tuning = parse_state_name(s); });
  app.add_flag("--tune", f.tune, "first measure what FILE does not know yet, and write it [sluice.tuning]");
  add_checkpoint_flags(app, f.checkpoint);
  add_planner_flags(app, f.planner);
  app.add_flag("--plan-only", f.plan_only, "print the plan and exit");
  app.add_flag("--verify-memory", f.verify_memory, "check every byte around every kernel; slow");
  add(app, "--json", "FILE", "write the result as one JSON object; - for standard output",
      [&](const std::string& s) { f.json = parse_file_name(s); });
  add(app, "--report", "FILE",
      "write a page (HTML) that shows the plan, byte by byte, beside what was measured; - for standard output",
      [&](const std::string& s) { f.report = parse_file_name(s); });
  add_svg(app, f.svg);
  add(app, "--trace", "FILE",
      "write when each kernel of the first steps ran, for ui.perfetto.dev; - for standard output",
      [&](const std::string& s) { f.trace = parse_file_name(s); });
  add(app, "--trace-steps", "N", fmt::format("how many steps --trace records [{}]", f.trace_steps),
      [&](const std::string& s) { f.trace_steps = parse_whole<std::int64_t>(s, 1); });
  app.add_flag("--quiet", f.quiet, "print only the result");
}

}  // namespace

std::optional<int> parse_trainer_flags(int argc, const char* const* argv, const std::string& about,
                                       TrainerFlags& flags) {
  const std::string program = argc > 0 ? std::filesystem::path(argv[0]).filename().string() : "trainer";
  CLI::App app(about, program);
  describe(app, flags);
  try {
    app.parse(argc, argv);
    if (flags.tune && flags.tuning.empty()) flags.tuning = "sluice.tuning";
    if (!flags.trace.empty() && (flags.plan_only || flags.verify_memory))
      throw CLI::ValidationError("--trace", fmt::format("got it with {}; expected one of the two",
                                                        flags.plan_only ? "--plan-only" : "--verify-memory"));
    if (const CheckpointFlags& c = flags.checkpoint; c.folder.empty() && (c.every_steps > 0 || c.every_minutes > 0))
      throw CLI::ValidationError("--checkpoint-every", "got no folder to write into; expected --checkpoint DIR");
    else if (c.folder.empty() && c.resume && c.resume_from.empty())
      throw CLI::ValidationError("--resume", "got no folder to look into; expected --checkpoint DIR, or --resume-from");
    if (flags.micro_batch > flags.batch)
      throw CLI::ValidationError("--micro-batch", fmt::format("got {}; expected at most the logical batch, --batch {}",
                                                              flags.micro_batch, flags.batch));
  } catch (const CLI::ParseError& error) {
    return end_of_parsing(app, program, error);
  }
  return std::nullopt;
}

}  // namespace sluice::samples
