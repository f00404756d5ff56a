#include <sluice/mbp/plan/tuning.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <iomanip>

#include <sluice/core/error.h>
#include <sluice/core/text.h>
#include <sluice/core/write_file.h>

namespace sluice {
namespace {

constexpr std::string_view header = "sluice tuning 2";
constexpr std::string_view header_without_replays = "sluice tuning 1";
constexpr std::string_view replay_word = "replay ";
constexpr std::string_view failed = "failed";  // instead of a time

/// The whole of `text` as a number, or nothing.
template <class Number>
std::optional<Number> parsed(const std::string& text) {
  Number number = 0;
  const char* const end = text.data() + text.size();
  const auto [last, error] = std::from_chars(text.data(), end, number);
  return last == end && error == std::errc() ? std::optional(number) : std::nullopt;
}

}  // namespace

std::string_view ChoiceRecorder::choose(const LoweringContext& context, std::span<const std::string_view> candidates,
                                        std::string_view preferred) {
  // The same kernel may occur with more room, and then with more candidates.
  std::vector<std::string>& known = choices_.try_emplace(context.key(), Choice{context, {}}).first->second.candidates;
  for (const std::string_view candidate : candidates)
    if (std::find(known.begin(), known.end(), candidate) == known.end()) known.emplace_back(candidate);
  return preferred;
}

TuningFile::TuningFile(std::string path, Backend& backend, bool must_exist)
    : path_(std::move(path)),
      backend_(backend) {
  std::error_code error;
  if (!std::filesystem::exists(path_, error)) {
    if (must_exist)
      throw DataError("tuning file '" + path_ + "': there is none; expected one written by tuning (--tune)");
    require_writable(path_);
    return;
  }
  if (!must_exist) require_writable(path_);  // before time goes into measuring
  std::ifstream file(path_);
  TextStream text;
  text << file.rdbuf();
  if (!file || std::filesystem::is_directory(path_, error))
    throw DataError("tuning file '" + path_ + "': cannot be read");
  read(text.str());
}

void TuningFile::read(const std::string& text) {
  int number = 0;
  std::string line;
  const auto reject = [&](const std::string& why) {
    throw DataError("tuning file '" + path_ + "', line " + std::to_string(number) + ": " + why);
  };
  const std::string device = "device " + backend_.fingerprint();
  for (std::string& next : split_text(text, '\n')) {
    line = std::move(next);
    ++number;
    if (number == 1 && line != header && line != header_without_replays)
      reject("is '" + line + "'; expected '" + std::string(header) + "'");
    if (number == 2 && line != device)
      reject("was measured on '" + line + "'; this is '" + device + "'; measure into another file");
    if (number <= 2 || line.empty()) continue;
    const std::vector<std::string> fields = split_text(line, '\t');
    const auto milliseconds = [&](const std::string& text) {
      const std::optional<double> ms = parsed<double>(text);
      if (!ms || !std::isfinite(*ms) || *ms < 0) reject("'" + text + "' is no time in milliseconds");
      return *ms;
    };
    if (line.starts_with(replay_word)) {
      if (fields.size() != 3 || fields[0].size() == replay_word.size())
        reject("expected a replay, its micro-batch and milliseconds, separated by tabs");
      const std::optional<std::int64_t> micro_batch = parsed<std::int64_t>(fields[1]);
      if (!micro_batch || *micro_batch < 1) reject("'" + fields[1] + "' is no micro-batch");
      replays_[fields[0].substr(replay_word.size())] = {*micro_batch, milliseconds(fields[2])};
      continue;
    }
    if (fields.size() < 3 || fields.size() % 2 == 0)
      reject("expected a kernel and pairs of algorithm and milliseconds, separated by tabs");
    for (std::size_t i = 1; i < fields.size(); i += 2)
      times_ms_[fields[0]][fields[i]] = fields[i + 1] == failed ? HUGE_VAL : milliseconds(fields[i + 1]);
  }
  if (number < 2) throw DataError("tuning file '" + path_ + "': ends after line " + std::to_string(number));
}

void TuningFile::save() {
  TextStream text;
  text << header << "\ndevice " << backend_.fingerprint() << '\n' << std::setprecision(6);
  for (const auto& [kernel, times] : times_ms_) {
    text << kernel;
    for (const auto& [algorithm, ms] : times) {
      text << '\t' << algorithm << '\t';
      std::isfinite(ms) ? text << ms : text << failed;
    }
    text << '\n';
  }
  for (const auto& [key, replay] : replays_)
    text << replay_word << key << '\t' << replay.micro_batch << '\t' << replay.ms << '\n';
  write_whole(path_, text.str());
  replays_.clear();
  times_ms_.clear();  // from here on what the file says, rounding included
  read(text.str());
}

std::string_view TuningFile::choose(const LoweringContext& context, std::span<const std::string_view> candidates,
                                    std::string_view preferred) {
  const auto known = times_ms_.find(context.key());
  if (known == times_ms_.end() || !known->second.contains(preferred)) return preferred;
  std::string_view best = preferred;
  double best_ms = HUGE_VAL;
  for (const std::string_view candidate : candidates)
    if (const auto time = known->second.find(candidate); time != known->second.end() && time->second < best_ms) {
      best = candidate;
      best_ms = time->second;
    }
  return best;
}

bool TuningFile::knows(const std::string& kernel, const std::string& algorithm) const {
  const auto known = times_ms_.find(kernel);
  return known != times_ms_.end() && known->second.contains(algorithm);
}

void TuningFile::add_time(const std::string& kernel, const std::string& algorithm, std::optional<double> ms) {
  times_ms_[kernel][algorithm] = ms.value_or(HUGE_VAL);
}

bool TuningFile::exists() const {
  std::error_code error;
  return std::filesystem::exists(path_, error);
}

std::optional<double> TuningFile::replay_ms(const std::string& key) const {
  const auto known = replays_.find(key);
  return known == replays_.end() ? std::nullopt : std::optional(known->second.ms);
}

void TuningFile::add_replay(const std::string& key, std::int64_t micro_batch, double ms) {
  replays_[key] = {micro_batch, ms};
  save();
}

std::string TuningFile::str() const {
  std::string text = "measured, " + path_ + " (" + counted(times_ms_.size(), "kernel");
  if (!replays_.empty()) text += ", " + counted(replays_.size(), "replay");
  return text + ")";
}

}  // namespace sluice
