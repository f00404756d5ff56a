#pragma once

#include <functional>
#include <string>

namespace sluice::samples {

/// Runs the body of a main() and returns its exit code, or 1 instead of 0 where standard output did not take all that
/// was printed. A line on standard error says so, as it does for an exception that leaves the body. A limit on file
/// sizes is an error of the write and does not end the process; a standard descriptor that is closed is not given to
/// another file.
int checked_main(const std::string& program, const std::function<int()>& body);

}  // namespace sluice::samples
