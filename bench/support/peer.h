#pragma once

#include <memory>
#include <string>
#include <vector>

#include <sys/types.h>

#include "support/nets.h"

namespace sluice::bench {

/// Another framework in a process of its own (peer_pytorch.py), kept alive and asked for a few steps at a time.
class Peer {
 public:
  /// Starts the first Python that has PyTorch: $SLUICE_PEER_PYTHON alone when it is set, else /usr/bin/python3 and
  /// python3 on PATH. Null when there is none; `tried` says which were asked.
  static std::unique_ptr<Peer> find(const Where& where, std::string& tried);
  ~Peer();
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;

  const std::string& python() const { return python_; }
  /// "PyTorch 1.13.0".
  const std::string& version() const { return version_; }
  /// How it can run a net: on the CPU in both memory formats, on a GPU channels last with and without CUDA graphs.
  const std::vector<std::string>& formats() const { return formats_; }

  /// As parameter_shapes().
  std::string parameter_shapes(const std::string& net);
  /// Seconds of a whole step, the mean of `steps` after `untimed` ones; `format`: one of formats().
  double seconds_per_step(const std::string& net, const std::string& format, std::int64_t untimed, std::int64_t steps);

 private:
  Peer(const std::string& python, const Where& where);
  std::string ask(const std::string& request);
  /// A line without its end; empty at the end of the stream.
  std::string read_line();

  std::string python_, version_, unread_;
  std::vector<std::string> formats_;
  pid_t process_ = -1;
  int to_ = -1, from_ = -1;
};

}  // namespace sluice::bench
