#include "common/spin_briefly.h"

#include <cstdlib>
#include <fstream>
#include <string>

#include <sys/auxv.h>
#include <unistd.h>

namespace sluice::samples {
namespace {

constexpr const char* spins_variable = "GOMP_SPINCOUNT";
/// Which process set the other variable. Process numbers stay the same when a program is executed.
constexpr const char* process_variable = "SLUICE_SPINS_SET_BY";

bool is_set(const char* variable) { return std::getenv(variable) != nullptr; }

/// Programs that this one starts have OpenMP's defaults.
void clear_variables() {
  unsetenv(spins_variable);
  unsetenv(process_variable);
}

bool is_traced() {
  const std::string name = "TracerPid:";
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with(name)) return line.find_first_of("123456789", name.size()) != std::string::npos;
  return true;  // unknown
}

/// The file that was executed; null when that was the loader, by hand (ld.so PROGRAM), which has no loader itself.
const char* executed_file() {
  if (getauxval(AT_BASE) == 0) return nullptr;
  return reinterpret_cast<const char*>(getauxval(AT_EXECFN));
}

}  // namespace

void spin_briefly(char** argv) {
  const std::string process = std::to_string(getpid());
  if (const char* const set_by = std::getenv(process_variable); set_by && set_by == process) return clear_variables();
  if (is_set(spins_variable) || is_set("OMP_WAIT_POLICY") || is_set("LD_PRELOAD") || is_traced()) return;
  const char* const file = executed_file();
  if (!file || !argv[0]) return;
  if (setenv(spins_variable, brief_spins, 1) == 0 && setenv(process_variable, process.c_str(), 1) == 0)
    execv(file, argv);
  clear_variables();
}

}  // namespace sluice::samples
