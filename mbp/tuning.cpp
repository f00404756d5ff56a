#include <sluice/mbp/tuning.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iomanip>

#include <sluice/core/error.h>
#include <sluice/core/host_memory.h>
#include <sluice/core/tensor.h>
#include <sluice/core/text.h>
#include <sluice/core/write_file.h>

namespace sluice {
namespace {

constexpr std::string_view header = "sluice tuning 2";
constexpr std::string_view header_without_replays = "sluice tuning 1";
constexpr std::string_view replay_word = "replay ";
constexpr std::string_view failed = "failed";  // instead of a time

/// Always the one algorithm that is being timed.
class OneAlgorithm final : public AlgorithmChooser {
 public:
  explicit OneAlgorithm(std::string_view name) : name_(name) {}
  std::string_view choose(const LoweringContext&, std::span<const std::string_view>, std::string_view) override {
    return name_;
  }

 private:
  std::string_view name_;
};

/// Memory for one operand, filled with small numbers of both signs: zeros or denormals would flatter some kernels.
Buffer operand(Backend& backend, const LoweredValue& value) {
  Buffer buffer = backend.allocate(std::max<std::size_t>(value.bytes(), 1));
  backend.fill(buffer.data(), 0, buffer.bytes());
  if (value.dtype == DType::f32) {
    Tensor pattern({value.padded_elements()});
    std::uint32_t state = 1;
    for (float& x : pattern.values<float>()) {
      state = state * 1664525u + 1013904223u;
      x = static_cast<float>(state >> 8) / static_cast<float>(1 << 24) - 0.5f;
    }
    backend.copy_in(buffer.data(), pattern.data(), pattern.bytes());
  }
  return buffer;
}

/// Milliseconds of one run of a kernel with `algorithm`: the median of at least five runs and 50 ms.
double time_ms(const ChoiceRecorder::Choice& choice, const std::string& algorithm) {
  OneAlgorithm one(algorithm);
  LoweringContext context = choice.context.with_chooser(&one);
  Backend& backend = context.backend();
  const std::unique_ptr<Kernel> kernel = (*context.factory())(context);
  std::vector<Buffer> buffers;
  Addresses addresses;
  for (int i = 0; i < context.inputs(); ++i)
    addresses.inputs.push_back(buffers.emplace_back(operand(backend, context.input(i))).data());
  for (int o = 0; o < context.outputs(); ++o)
    addresses.outputs.push_back(buffers.emplace_back(operand(backend, context.output(o))).data());
  addresses.workspace =
      buffers.emplace_back(backend.allocate(std::max<std::size_t>(kernel->workspace_bytes(), 1))).data();
  kernel->bind(addresses);

  using Clock = std::chrono::steady_clock;
  const auto run_ms = [&] {
    const auto start = Clock::now();
    kernel->run({});
    backend.synchronize();
    return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
  };
  run_ms();  // touches its memory
  std::vector<double> times;
  for (double total = 0; times.size() < 5 || (total < 50 && times.size() < 100);) total += times.emplace_back(run_ms());
  std::nth_element(times.begin(), times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2), times.end());
  return times[times.size() / 2];
}

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
      reject("was measured on '" + line + "'; this is '" + device + "'; measure again into another file");
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

void TuningFile::write() {
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

bool TuningFile::measure(const ChoiceRecorder& recorder) {
  bool measured = false;
  for (const auto& [key, choice] : recorder.choices())
    for (const std::string& candidate : choice.candidates) {
      if (const auto known = times_ms_.find(key); known != times_ms_.end() && known->second.contains(candidate))
        continue;
      double ms = HUGE_VAL;
      try {
        ms = time_ms(choice, candidate);
      } catch (const OutOfHostMemory&) {
        throw;  // it says nothing about the candidate, which the file would call failed from then on
      } catch (const Error& error) {
        std::fprintf(stderr, "sluice: warning: tuning leaves out '%s' of %s: %s\n", candidate.c_str(), key.c_str(),
                     error.what());
        choice.context.backend().synchronize();  // a device that is broken for good says so here
      }
      times_ms_[key][candidate] = ms;
      measured = true;
    }
  std::error_code error;
  if (measured || !std::filesystem::exists(path_, error)) write();
  return measured;
}

std::optional<double> TuningFile::replay_ms(const std::string& key) const {
  const auto known = replays_.find(key);
  return known == replays_.end() ? std::nullopt : std::optional(known->second.ms);
}

void TuningFile::add_replay(const std::string& key, std::int64_t micro_batch, double ms) {
  replays_[key] = {micro_batch, ms};
  write();
}

std::string TuningFile::str() const {
  std::string text = "measured, " + path_ + " (" + counted(times_ms_.size(), "kernel");
  if (!replays_.empty()) text += ", " + counted(replays_.size(), "replay");
  return text + ")";
}

}  // namespace sluice
