#include <sluice/kernels/cpu/threads.h>

#include <atomic>
#include <condition_variable>
#include <cstdlib>
#include <exception>
#include <mutex>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include <omp.h>
#include <unistd.h>

#include <sluice/core/error.h>
#include <sluice/core/text.h>
#include <sluice/kernels/cpu/default_threads.h>

namespace sluice::cpu {
namespace {

/// The process whose kernels used several threads; 0: none so far. A child of it has OpenMP's list of threads, and not
/// the threads.
std::atomic<pid_t> process_with_threads = 0;

const pid_t process_at_load = getpid();

void refuse_after_fork() {
  const pid_t process = process_with_threads;
  if (process != 0 && process != getpid())
    throw DeviceError(
        "cpu: this process was forked from one whose kernels used several threads, which it does not have; expected "
        "fork() before the first use of Sluice, or exec() after it");
}

/// The innermost with_threads() around the calling thread's work; null outside of one.
thread_local const DefaultThreads* current = nullptr;

class Current {
 public:
  explicit Current(const DefaultThreads& threads) : before_(current) { current = &threads; }
  ~Current() { current = before_; }
  Current(const Current&) = delete;
  Current& operator=(const Current&) = delete;

 private:
  const DefaultThreads* before_;
};

/// OpenMP's settings of the calling thread while it lives.
class TeamSize {
 public:
  explicit TeamSize(int threads) : threads_(omp_get_max_threads()), dynamic_(omp_get_dynamic()) {
    omp_set_dynamic(0);  // else OpenMP may grant fewer when the machine is busy
    omp_set_num_threads(threads);
  }
  ~TeamSize() {
    omp_set_num_threads(threads_);
    omp_set_dynamic(dynamic_);
  }
  TeamSize(const TeamSize&) = delete;
  TeamSize& operator=(const TeamSize&) = delete;

 private:
  int threads_, dynamic_;
};

/// Threads that were alive at once in this process before OpenMP was asked for as many.
class TrialThreads {
 public:
  /// Starts `count` threads that wait for the destructor. Throws std::system_error when there cannot be as many.
  explicit TrialThreads(int count) {
    try {
      for (int i = 0; i < count; ++i)
        threads_.emplace_back([this] {
          std::unique_lock lock(mutex_);
          ended_.wait(lock, [this] { return end_; });
        });
    } catch (...) {
      end();
      throw;
    }
  }
  ~TrialThreads() { end(); }
  TrialThreads(const TrialThreads&) = delete;
  TrialThreads& operator=(const TrialThreads&) = delete;

 private:
  void end() {
    {
      const std::lock_guard lock(mutex_);
      end_ = true;
    }
    ended_.notify_all();
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
  }

  std::mutex mutex_;
  std::condition_variable ended_;
  bool end_ = false;
  std::vector<std::thread> threads_;
};

[[noreturn]] void fail_to_start(const std::string& what, const std::system_error& error) {
  throw DeviceError("cpu: cannot start " + what + "; got '" + error.code().message() +
                    "'; expected room for them in the limits on processes (ulimit -u, a container's pids) and on "
                    "memory (ulimit -v), or fewer threads");
}

/// libgomp ends the process when it cannot start a thread; so the first time that so many are wanted, others are
/// started in their place: one for each of theirs, and one for the loader's.
void require_startable(int threads) {
  static std::mutex mutex;
  static int started = 1;
  const std::lock_guard lock(mutex);
  if (threads <= started) return;
  try {
    const TrialThreads trial(threads);
  } catch (const std::system_error& error) {
    fail_to_start(counted(threads, "thread"), error);
  }
  started = threads;
}

/// How many threads a parallel region has here, where so many are asked for.
int granted(int threads) {
  if (threads == 1) return 1;
  require_startable(threads);
  process_with_threads = getpid();
  int team = 1;
#pragma omp parallel num_threads(threads)
  {
#pragma omp single nowait
    team = omp_get_num_threads();
  }
  return team;
}

/// `threads` 0: `wanted`, or as many of them as are granted.
void with_team(int threads, const DefaultThreads& wanted, const std::function<void()>& work) {
  refuse_after_fork();
  const TeamSize planned(wanted.count);
  const int team = granted(wanted.count);
  if (team < threads) {
    const char* const limit = std::getenv("OMP_THREAD_LIMIT");
    throw DeviceError("cpu: " + counted(threads, "thread") + " are wanted and OpenMP grants " + std::to_string(team) +
                      (limit ? " (OMP_THREAD_LIMIT is " + std::string(limit) + ")" : std::string()) +
                      "; expected a larger limit, or fewer threads");
  }
  const TeamSize size(team);
  const Current scope(wanted);
  work();
}

/// Whether the calling thread can have no team: inside a parallel region kernels would have one thread each, whatever
/// was planned; and in a child process OpenMP may wait for threads that its parent had.
bool has_no_team() { return omp_in_parallel() || getpid() != process_at_load; }

/// On a thread of its own, which has its own team.
void on_another_thread(int threads, const DefaultThreads& wanted, const std::function<void()>& work) {
  std::exception_ptr error;
  try {
    std::thread thread([&] {
      try {
        with_team(threads, wanted, work);
      } catch (...) {
        error = std::current_exception();
      }
    });
    thread.join();
  } catch (const std::system_error& failure) {
    fail_to_start("another thread", failure);
  }
  if (error) std::rethrow_exception(error);
}

/// A run that was given its number by with_threads(0) may ask for the same number again, and has it for the same
/// reason.
DefaultThreads wanted_threads(int threads) {
  if (threads == 0) return current_threads();
  const bool same = current && threads == omp_get_max_threads();
  return {.count = threads, .reason = same ? current->reason : ""};
}

}  // namespace

DefaultThreads current_threads() {
  if (!current) return default_threads();
  return {.count = omp_get_max_threads(), .reason = current->reason};
}

void with_threads(int threads, const std::function<void()>& work) {
  if (threads > most_threads)
    throw DeviceError("cpu: " + counted(threads, "thread") + " are wanted; expected at most " +
                      std::to_string(most_threads));
  const DefaultThreads wanted = wanted_threads(threads);
  if (!has_no_team()) return with_team(threads, wanted, work);
  on_another_thread(threads, wanted, work);
}

}  // namespace sluice::cpu
