#include "common/progress_bar.h"

#include <algorithm>
#include <cmath>
#include <iostream>
#include <limits>

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

namespace sluice::samples {
namespace {

/// Cuts off what does not fit.
class Text {
 public:
  explicit Text(std::span<char> to) : to_(to) {}

  template <class... Args>
  void add(fmt::format_string<Args...> format, Args&&... args) {
    const auto result = fmt::format_to_n(to_.data() + used_, to_.size() - used_, format, std::forward<Args>(args)...);
    used_ = std::min(used_ + result.size, to_.size());
  }
  std::string_view view() const { return {to_.data(), used_}; }

 private:
  std::span<char> to_;
  std::size_t used_ = 0;
};

int terminal_columns() {
  winsize size{};
  return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

}  // namespace

std::string_view format_progress(std::span<char> to, const Progress& progress, std::int64_t epochs, double done_s,
                                 std::int64_t trained, int bar_width) {
  const double total = std::max<double>(1, static_cast<double>(progress.total_samples));
  const double part = static_cast<double>(progress.samples) / total;
  Text text(to);
  text.add("epoch {}/{} ", progress.epoch + 1, epochs);
  if (bar_width > 0) {
    const int filled = static_cast<int>(part * bar_width);
    text.add("[{:=<{}}{:<{}}] ", "", filled, filled < bar_width ? ">" : "", bar_width - filled);
  }
  text.add("{:3.0f}%", 100 * part);
  if (std::isfinite(progress.loss)) text.add("  loss {:.4f}", progress.loss);
  if (progress.seconds > 0) text.add("  {:.0f} images/s", static_cast<double>(progress.samples) / progress.seconds);
  if (trained > 0 && done_s > 0) {
    const double left = static_cast<double>(epochs) * total - static_cast<double>(trained);
    const auto eta = static_cast<std::int64_t>(std::ceil(std::max(0.0, left) * done_s / static_cast<double>(trained)));
    if (eta >= 3600)
      text.add("  ETA {}:{:02}:{:02}", eta / 3600, eta / 60 % 60, eta % 60);
    else
      text.add("  ETA {}:{:02}", eta / 60, eta % 60);
  }
  return text.view();
}

ProgressBar::ProgressBar(std::int64_t epochs)
    : epochs_(epochs),
      terminal_(isatty(STDOUT_FILENO) != 0),
      shown_(Clock::now()) {}

void ProgressBar::show(const Progress& progress) {
  if (progress.epoch != epoch_) {
    epoch_ = progress.epoch;
    earlier_s_ += epoch_s_;
  }
  epoch_s_ = progress.seconds;
  const auto now = Clock::now();
  if (now - shown_ < (terminal_ ? std::chrono::milliseconds(100) : std::chrono::seconds(10))) return;
  shown_ = now;
  const std::int64_t trained = progress.epoch * progress.total_samples + progress.samples;
  const int columns = terminal_ ? terminal_columns() : 0;
  const std::span<char> room(text_.data(),
                             terminal_ ? std::min(text_.size(), static_cast<std::size_t>(columns - 1)) : text_.size());
  const std::string_view line =
      format_progress(room, progress, epochs_, earlier_s_ + epoch_s_, trained, std::min(columns - 62, 30));
  if (terminal_)
    std::cout << '\r' << line << "\x1b[K" << std::flush;
  else
    std::cout << line << std::endl;
  drawn_ = terminal_;
}

void ProgressBar::clear() {
  if (drawn_) std::cout << "\r\x1b[K" << std::flush;
  drawn_ = false;
}

}  // namespace sluice::samples
