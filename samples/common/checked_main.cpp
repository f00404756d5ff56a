#include "common/checked_main.h"

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <exception>
#include <iostream>

#include <fcntl.h>
#include <sluice/core/host_memory.h>
#include <unistd.h>

namespace sluice::samples {
namespace {

/// The next file that is opened gets the lowest free number: with standard output closed, it would be printed into.
void occupy_standard_descriptors() {
  for (const int descriptor : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (fcntl(descriptor, F_GETFD) >= 0) continue;
    // Standard input and output stay as useless as they were; for what standard error would say there is nobody.
    const int mode = descriptor == STDOUT_FILENO ? O_RDONLY : O_WRONLY;
    if (open("/dev/null", mode) != descriptor) return;
  }
}

/// What is wrong with standard output; "" when it took everything.
std::string output_error() {
  errno = 0;
  std::cout << std::flush;
  if (std::fflush(stdout) == 0 && std::cout && !std::ferror(stdout)) return "";
  return errno ? std::strerror(errno) : "not all of it was written";
}

}  // namespace

int checked_main(const std::string& program, const std::function<int()>& body) {
  occupy_standard_descriptors();
  std::signal(SIGXFSZ, SIG_IGN);
  int code = 1;
  try {
    code = body();
  } catch (const std::exception& error) {
    std::cout << std::flush;
    std::cerr << program << ": " << message_of(error) << '\n';
  }
  const std::string error = output_error();
  if (error.empty()) return code;
  std::cerr << program << ": cannot write to standard output: " << error << '\n';
  return code == 0 ? 1 : code;
}

}  // namespace sluice::samples
