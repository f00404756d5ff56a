#include "common/stop_on_signal.h"

#include <atomic>
#include <cerrno>

namespace sluice::samples {
namespace {

constexpr std::array stopping = {SIGINT, SIGTERM, SIGHUP};

std::atomic<Trainer*> trainer_to_stop = nullptr;
std::atomic<int> received = 0;
std::atomic<bool> handled[stopping.size()];
static_assert(std::atomic<Trainer*>::is_always_lock_free && std::atomic<int>::is_always_lock_free &&
              std::atomic<bool>::is_always_lock_free);  // what a signal handler may use

extern "C" void on_stopping_signal(int number) {
  const int error = errno;
  received = number;
  for (std::size_t i = 0; i < stopping.size(); ++i)
    if (handled[i]) std::signal(stopping[i], SIG_DFL);  // the next one, whichever it is, ends the process
  if (Trainer* const trainer = trainer_to_stop) trainer->stop();
  errno = error;
}

}  // namespace

StopOnSignal::StopOnSignal(Trainer& trainer) {
  trainer_to_stop = &trainer;
  received = 0;
  struct sigaction action {};
  action.sa_handler = on_stopping_signal;
  action.sa_flags = SA_RESTART;  // what is being printed must not fail
  for (const int number : stopping) sigaddset(&action.sa_mask, number);
  for (std::size_t i = 0; i < stopping.size(); ++i) {
    sigaction(stopping[i], nullptr, &before_[i]);
    handled[i] = before_[i].sa_handler != SIG_IGN;
    if (handled[i]) sigaction(stopping[i], &action, nullptr);
  }
}

StopOnSignal::~StopOnSignal() {
  for (std::size_t i = 0; i < stopping.size(); ++i)
    if (handled[i]) sigaction(stopping[i], &before_[i], nullptr);
  trainer_to_stop = nullptr;
}

bool StopOnSignal::happened() const { return received != 0; }
int StopOnSignal::exit_code() const { return received == 0 ? 0 : 128 + received; }

}  // namespace sluice::samples
