#include "common/checkpoint_folder.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <iostream>

#include <fmt/format.h>
#include <sluice/core/error.h>
#include <sluice/core/text.h>
#include <sluice/core/write_file.h>
#include <sluice/mbp/train/checkpoint.h>

namespace sluice::samples {
namespace {

namespace fs = std::filesystem;

constexpr const char* best_name = "best.safetensors";
constexpr const char* metric_note = "test accuracy";
constexpr std::string_view name_begin = "step-", name_end = ".safetensors";

/// With as many digits as keep names in the order of numbers.
std::string name_of(std::int64_t step) { return fmt::format("{}{:012}{}", name_begin, step, name_end); }

bool is_checkpoint(const std::string& name) {
  if (!name.starts_with(name_begin) || !name.ends_with(name_end)) return false;
  const std::string_view digits =
      std::string_view(name).substr(name_begin.size(), name.size() - name_begin.size() - name_end.size());
  return !digits.empty() && std::ranges::all_of(digits, [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

CheckpointFolder::CheckpointFolder(const CheckpointFlags& flags) : flags_(flags) {
  std::error_code error;
  fs::create_directories(flags_.folder, error);
  if (error || !fs::is_directory(flags_.folder))
    throw UsageError(fmt::format("--checkpoint: cannot make the folder '{}': {}", flags_.folder,
                                 error ? error.message() : "it is no folder"));
  require_writable(path(name_of(0)));
  remove_abandoned_files(flags_.folder);
}

std::string CheckpointFolder::path(const std::string& name) const { return (fs::path(flags_.folder) / name).string(); }

/// The oldest first.
std::vector<std::string> CheckpointFolder::names() const {
  std::vector<std::string> names;
  for (const fs::directory_entry& entry : fs::directory_iterator(flags_.folder))
    if (const std::string name = entry.path().filename().string(); is_checkpoint(name)) names.push_back(name);
  std::sort(names.begin(), names.end());
  return names;
}

std::optional<std::string> CheckpointFolder::newest() const {
  const std::vector<std::string> all = names();
  if (all.empty()) return std::nullopt;
  return path(all.back());
}

void CheckpointFolder::after_step(const Trainer& trainer) {
  const std::int64_t step = trainer.training_state().step;
  const double minutes = std::chrono::duration<double>(Clock::now() - last_).count() / 60;
  const bool steps_are_over = flags_.every_steps > 0 && step % flags_.every_steps == 0;
  const bool minutes_are_over = flags_.every_minutes > 0 && minutes >= flags_.every_minutes;
  if (steps_are_over || minutes_are_over) save(trainer);
}

void CheckpointFolder::after_epoch(const Trainer& trainer, double metric) {
  save(trainer);
  if (!best_) best_ = best_before();
  if (best_ && metric <= *best_) return;
  best_ = metric;
  trainer.save(path(best_name), {{metric_note, number_text(metric)}});
}

/// The metric of the best checkpoint in the folder, which a run before may have written.
std::optional<double> CheckpointFolder::best_before() const {
  if (!flags_.resume || !fs::exists(path(best_name))) return std::nullopt;
  const CheckpointNotes notes = Checkpoint(path(best_name)).notes();
  const auto note = notes.find(metric_note);
  double metric = 0;
  if (note == notes.end()) return std::nullopt;
  const char* const end = note->second.data() + note->second.size();
  if (std::from_chars(note->second.data(), end, metric).ec != std::errc()) return std::nullopt;
  return metric;
}

void CheckpointFolder::save(const Trainer& trainer) {
  const std::int64_t step = trainer.training_state().step;
  if (step == saved_step_) return;
  trainer.save(path(name_of(step)));
  saved_step_ = step;
  last_ = Clock::now();
  std::vector<std::string> all = names();
  std::erase(all, name_of(step));  // one of an older run may have a higher number
  const auto most = static_cast<std::size_t>(flags_.keep - 1);
  for (std::size_t i = 0; i + most < all.size(); ++i) {
    std::error_code error;
    fs::remove(path(all[i]), error);  // one more that stays harms nobody
  }
}

bool resume(Trainer& trainer, const CheckpointFlags& flags, const CheckpointFolder* folder) {
  std::optional<std::string> from;
  if (!flags.resume_from.empty())
    from = flags.resume_from;
  else if (folder)
    from = folder->newest();
  if (!from) {
    std::cout << fmt::format("resume: no checkpoint in '{}' yet, training begins", flags.folder) << std::endl;
    return false;
  }
  const std::vector<std::string> differences = trainer.restore(*from);
  std::cout << fmt::format("resume: continuing from '{}' after {}", *from,
                           counted(trainer.training_state().step, "step"))
            << (differences.empty() ? ", bit by bit as if never stopped"
                                    : "; results agree with the run before within rounding, not to the bit:")
            << '\n';
  for (const std::string& difference : differences) std::cout << "  " << difference << '\n';
  std::cout << std::flush;
  return true;
}

}  // namespace sluice::samples
