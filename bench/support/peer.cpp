#include "support/peer.h"

#include <charconv>
#include <cstring>

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sluice/core/error.h>

extern char** environ;

namespace sluice::bench {
namespace {

struct Pipe {
  Pipe() {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) throw Error(std::string("peer: no pipe: ") + std::strerror(errno));
    read = ends[0];
    write = ends[1];
  }
  int read, write;
};

}  // namespace

std::unique_ptr<Peer> Peer::find(const Where& where, std::string& tried) {
  std::vector<std::string> candidates = {"/usr/bin/python3", "python3"};
  if (const char* const chosen = std::getenv("SLUICE_PEER_PYTHON")) candidates = {chosen};
  for (const std::string& python : candidates) {
    tried += (tried.empty() ? "" : ", ") + python;
    std::unique_ptr<Peer> peer(new Peer(python, where));
    if (!peer->version_.empty()) return peer;
  }
  return nullptr;
}

Peer::Peer(const std::string& python, const Where& where)
    : python_(python),
      formats_(where.device.kind() == Device::Kind::cuda
                   ? std::vector<std::string>{"channels_last", "channels_last_graph"}
                   : std::vector<std::string>{"contiguous", "channels_last"}) {
  signal(SIGPIPE, SIG_IGN);  // a peer that has ended is an error to report, not one to die of
  const Pipe requests, answers;
  to_ = requests.write;
  from_ = answers.read;
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, requests.read, STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, answers.write, STDOUT_FILENO);
  Backend& backend = where.device.backend();  // its threads and precision, which were resolved when it was set up
  std::string script = SLUICE_BENCH_PEER, count = std::to_string(backend.threads()), device = where.device.str(),
              precision = backend.precision() == Precision::tf32 ? "tf32" : "fp32";
  char* arguments[] = {python_.data(), script.data(), count.data(), device.data(), precision.data(), nullptr};
  if (posix_spawnp(&process_, python_.c_str(), &actions, nullptr, arguments, environ) != 0) process_ = -1;
  posix_spawn_file_actions_destroy(&actions);
  close(requests.read);
  close(answers.write);
  version_ = read_line();  // empty: no such program, or no PyTorch in it
}

Peer::~Peer() {
  close(to_);  // the end of its requests ends the peer
  close(from_);
  if (process_ > 0) waitpid(process_, nullptr, 0);
}

std::string Peer::parameter_shapes(const std::string& net) { return ask("shapes " + net); }

double Peer::seconds_per_step(const std::string& net, const std::string& format, std::int64_t untimed,
                              std::int64_t steps) {
  const std::string answer =
      ask("time " + net + ' ' + format + ' ' + std::to_string(untimed) + ' ' + std::to_string(steps));
  double seconds = 0;
  std::from_chars(answer.data(), answer.data() + answer.size(), seconds);
  if (!(seconds > 0)) throw Error("peer: expected seconds; got '" + answer + "'");
  return seconds;
}

std::string Peer::ask(const std::string& request) {
  const std::string line = request + '\n';
  std::string answer;
  if (write(to_, line.data(), line.size()) == static_cast<ssize_t>(line.size())) answer = read_line();
  if (answer.empty()) throw Error("peer: " + python_ + " ended; it was asked '" + request + "'");
  return answer;
}

std::string Peer::read_line() {
  char buffer[4096];
  std::size_t end;
  while ((end = unread_.find('\n')) == std::string::npos) {
    const ssize_t count = read(from_, buffer, sizeof(buffer));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return {};
    unread_.append(buffer, static_cast<std::size_t>(count));
  }
  std::string line = unread_.substr(0, end);
  unread_.erase(0, end + 1);
  return line;
}

}  // namespace sluice::bench
