// The command-line tool:
//
//   build/bin/sluice plan --model resnet50 --batch 1024 --budget 1GiB,2GiB,4GiB
//   build/bin/sluice pack --in buffers.csv --out packed.csv
//   build/bin/sluice ops
//
// `sluice --help` lists the commands, `sluice pack --help` the flags of one. A command is a function that makes a
// Command (tool/command.h), listed here.

#include "tool/ops_command.h"
#include "tool/pack_command.h"
#include "tool/plan_command.h"

using namespace sluice::samples;

int main(int argc, char** argv) {
  const Command commands[] = {plan_command(), pack_command(), ops_command()};
  return run_tool(argc, argv, commands);
}
