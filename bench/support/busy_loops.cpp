#include "support/busy_loops.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fstream>
#include <string>

#include <fcntl.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sluice/core/error.h>

namespace sluice::bench {
namespace {

/// Where Linux groups processes by session, a session's share of a core is set here, not by nice: "/autogroup-26 nice
/// 0". Empty where it does not.
std::string own_session_nice() {
  std::ifstream file("/proc/self/autogroup");
  std::string name, word, nice;
  return file >> name >> word >> nice ? nice : "";
}

// From here to BusyLoops: what a process does that was forked from one with several threads, which may call little.

void end_with(pid_t parent) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(0);  // it has ended already
}

[[noreturn]] void loop() {
  for (volatile unsigned turns = 0;;) turns = turns + 1;
}

void write_all(const char* file, const std::string& text) {
  const int descriptor = open(file, O_WRONLY | O_CLOEXEC);
  if (descriptor < 0) return;
  if (write(descriptor, text.data(), text.size()) < 0) {
    // The session then has the share of any other.
  }
  close(descriptor);
}

/// Writes the number of each process to `ready`.
[[noreturn]] void lead(pid_t parent, int count, int nice, const std::string& session_nice, int ready) {
  end_with(parent);
  setsid();
  const struct sched_param normal {};
  sched_setscheduler(0, SCHED_OTHER, &normal);
  if (!session_nice.empty()) write_all("/proc/self/autogroup", session_nice);
  setpriority(PRIO_PROCESS, 0, nice);
  prctl(PR_SET_NAME, "busy_loop");
  const pid_t leader = getpid();
  for (int i = 0; i < count; ++i) {
    const pid_t process = i == 0 ? leader : fork();
    if (process == 0) {
      end_with(leader);
      loop();
    }
    if (process < 0 || write(ready, &process, sizeof(process)) != sizeof(process)) _exit(1);
  }
  close(ready);
  loop();
}

/// The others end with their parent, the leader.
void end(pid_t leader) {
  kill(leader, SIGKILL);
  waitpid(leader, nullptr, 0);
}

}  // namespace

BusyLoops::BusyLoops(int count, int nice) {
  const std::string session_nice = own_session_nice();
  const int nice_of_loops = std::min(getpriority(PRIO_PROCESS, 0) + nice, 19);
  const pid_t parent = getpid();
  int ready[2];
  if (pipe2(ready, O_CLOEXEC) != 0) throw Error(std::string("busy loops: no pipe: ") + std::strerror(errno));
  const pid_t leader = fork();
  if (leader == 0) lead(parent, count, nice_of_loops, session_nice, ready[1]);
  const int error = errno;
  close(ready[1]);
  if (leader > 0) processes_.push_back(leader);
  int started = 0;
  for (pid_t process = 0; leader > 0 && started < count; ++started) {
    ssize_t size = 0;
    do size = read(ready[0], &process, sizeof(process));
    while (size < 0 && errno == EINTR);
    if (size != sizeof(process)) break;
    if (process != leader) processes_.push_back(process);
  }
  close(ready[0]);
  if (started == count) return;
  if (leader > 0) end(leader);
  throw Error("busy loops: " + std::to_string(started) + " of " + std::to_string(count) + " could be started" +
              (leader < 0 ? std::string(": ") + std::strerror(error) : std::string()));
}

BusyLoops::~BusyLoops() { end(processes_.front()); }

}  // namespace sluice::bench
