// What a program does with its output files and with standard output.
#include "common/outputs.h"

#include <csignal>
#include <iostream>
#include <new>
#include <stdexcept>
#include <string>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <sluice/core/error.h>

#include "common/checked_main.h"
#include "support/file_test.h"

namespace sluice::samples {
namespace {

using namespace test;
using Use = FileFlag::Use;

class OutputsTest : public FileTest {
 protected:
  struct Ran {
    int code;
    std::string out, err;
  };
  /// Runs `body` as a program of its own, whose temporary files go to the folder "temporary". Standard output goes to
  /// `out`, if given.
  Ran run(const std::function<int()>& body, const std::string& out = "") const {
    fs::create_directory(path("temporary"));
    const int code = in_child([&] {
      setenv("TMPDIR", path("temporary").c_str(), 1);
      const int flags = O_WRONLY | O_CREAT | O_TRUNC;
      if (dup2(open((out.empty() ? path("out") : out).c_str(), flags, 0600), STDOUT_FILENO) < 0) return 98;
      if (dup2(open(path("err").c_str(), flags, 0600), STDERR_FILENO) < 0) return 98;
      return checked_main("program", body);
    });
    return {code, read_file(path("out")), read_file(path("err"))};
  }
  /// The only file in the folder of temporary files.
  std::string rescued() const {
    std::string found;
    for (const auto& entry : fs::directory_iterator(path("temporary"))) found += entry.path().string();
    return found;
  }
  /// The file that a message calls the one where a text is instead; "" where it calls none.
  static std::string named_by(const std::string& message) {
    const std::size_t before = message.find("; it is in '"), after = message.find("' instead\n");
    if (before == std::string::npos || after == std::string::npos) return "";
    return message.substr(before + 12, after - before - 12);
  }
};

TEST_F(OutputsTest, AreWrittenEachByItself) {
  const Ran ran = run([&] {
    Outputs outputs("program", {{.flag = "--a", .path = path("a")}, {.flag = "--b", .path = path("b")}, {"--c", ""}});
    outputs.write("--b", [] { return "text of b"; });
    outputs.write("--c", []() -> std::string { throw std::logic_error("nobody asked for it"); });
    std::cout << "printed\n";
    return outputs.exit_code(3);
  });
  EXPECT_EQ(ran.code, 3);
  EXPECT_EQ(ran.out, "printed\n");
  EXPECT_EQ(ran.err, "");
  EXPECT_FALSE(fs::exists(path("a")));
  EXPECT_EQ(read_file(path("b")), "text of b");
}

TEST_F(OutputsTest, AFailureIsReportedAndDoesNotTakeTheOthers) {
  fs::create_directory(path("gone"));
  const Ran ran = run([&] {
    Outputs outputs("program", {{.flag = "--a", .path = "/dev/full"},
                                {.flag = "--b", .path = path("gone/b")},
                                {.flag = "--c", .path = path("c")}});
    fs::remove(path("gone"));
    outputs.write("--a", []() -> std::string { throw Error("cannot be made"); });
    outputs.write("--b", [] { return "text of b\n"; });
    outputs.write("--c", [] { return "text of c"; });
    return outputs.exit_code(130);
  });
  EXPECT_EQ(ran.code, 1);
  EXPECT_EQ(ran.err, "program: --a: cannot be made\nprogram: --b: cannot write '" + path("gone/b") +
                         "': No such file or directory; it is printed on standard output instead\n");
  EXPECT_EQ(ran.out, "text of b\n");
  EXPECT_EQ(read_file(path("c")), "text of c");
}

TEST_F(OutputsTest, APageThatCannotBeWrittenIsPutIntoAnotherFile) {
  const Ran ran = run([&] {
    Outputs outputs("program", {{.flag = "--page", .path = "/dev/full", .use = Use::page}});
    outputs.write("--page", [] { return "the page"; });
    return outputs.exit_code(0);
  });
  EXPECT_EQ(ran.code, 1);
  EXPECT_EQ(ran.out, "");
  EXPECT_EQ(ran.err, "program: --page: cannot write '/dev/full': No space left on device; it is in '" + rescued() +
                         "' instead\n");
  EXPECT_EQ(read_file(rescued()), "the page");
}

TEST_F(OutputsTest, AResultGoesIntoAFileWhereStandardOutputIsFullToo) {
  const auto body = [&] {
    Outputs outputs("program", {{.flag = "--a", .path = "/dev/full"}});
    outputs.write("--a", [] { return "the result"; });
    return outputs.exit_code(0);
  };
  const Ran ran = run(body, "/dev/full");
  EXPECT_EQ(ran.code, 1);
  EXPECT_NE(ran.err.find("it is in '" + rescued() + "' instead\n"), std::string::npos) << ran.err;
  EXPECT_EQ(read_file(rescued()), "the result");
}

TEST_F(OutputsTest, AnotherFileIsBesideTheFirst) {
  const Ran ran = run([&] {
    Outputs outputs("program", {{.flag = "--page", .path = path("page"), .use = Use::page}});
    fs::create_directory(path("page"));
    outputs.write("--page", [] { return "the page"; });
    return outputs.exit_code(0);
  });
  EXPECT_EQ(ran.code, 1);
  const std::string file = named_by(ran.err);
  EXPECT_EQ(file.rfind(path("sluice-"), 0), 0u) << ran.err;
  EXPECT_EQ(read_file(file), "the page");
}

TEST_F(OutputsTest, AnotherFileIsInTmpWithoutAFolderForTemporaryFiles) {
  const Ran ran = run([&] {
    Outputs outputs("program", {{.flag = "--page", .path = "/dev/full", .use = Use::page}});
    setenv("TMPDIR", path("missing").c_str(), 1);
    outputs.write("--page", [] { return "the page"; });
    return outputs.exit_code(0);
  });
  EXPECT_EQ(ran.code, 1);
  const std::string file = named_by(ran.err);
  ASSERT_EQ(file.rfind("/tmp/sluice-", 0), 0u) << ran.err;
  EXPECT_EQ(read_file(file), "the page");
  fs::remove(file);
}

TEST_F(OutputsTest, WhatNobodyTakesIsSaidToBeLost) {
  const Ran ran = run([&] {
    Outputs outputs("program", {{.flag = "--page", .path = "/dev/full", .use = Use::page}});
    const rlimit most{.rlim_cur = 10'000, .rlim_max = 10'000};
    setrlimit(RLIMIT_FSIZE, &most);
    outputs.write("--page", [] { return std::string(20'000, 'x'); });
    return outputs.exit_code(0);
  });
  EXPECT_EQ(ran.code, 1);
  EXPECT_NE(ran.err.find("No space left on device; it is lost: "), std::string::npos) << ran.err;
  EXPECT_TRUE(fs::is_empty(path("temporary")));
}

TEST_F(OutputsTest, MemoryThatIsNotThereIsPutIntoWords) {
  const Ran ran = run([&] {
    Outputs outputs("program", {{.flag = "--a", .path = path("a")}});
    outputs.write("--a", []() -> std::string { throw std::bad_alloc(); });
    return outputs.exit_code(0);
  });
  EXPECT_EQ(ran.code, 1);
  EXPECT_EQ(ran.err.rfind("program: --a: memory: the host has none left", 0), 0u) << ran.err;
}

TEST_F(OutputsTest, OneThatIsStandardOutputHasItForItself) {
  for (const std::string& name : {std::string("-"), std::string("/dev/stdout"), path("out")}) {
    const Ran ran = run([&] {
      Outputs outputs("program", {{.flag = "--a", .path = name}});
      std::cout << "for people" << std::endl;
      outputs.write("--a", [] { return "{}\n"; });
      std::printf("and from C\n");
      return outputs.exit_code(0);
    });
    EXPECT_EQ(ran.code, 0) << name;
    EXPECT_EQ(ran.out, "{}\n") << name;
    EXPECT_EQ(ran.err, "for people\nand from C\n") << name;
  }
}

TEST_F(OutputsTest, StandardOutputThatIsFullCostsNoResult) {
  const Ran ran = run(
      [&] {
        Outputs outputs("program", {{.flag = "--a", .path = "-"}});
        outputs.write("--a", [] { return "the result"; });
        return outputs.exit_code(0);
      },
      "/dev/full");
  EXPECT_EQ(ran.code, 1);
  EXPECT_EQ(ran.err, "program: --a: cannot write '-': No space left on device; it is in '" + rescued() + "' instead\n");
  EXPECT_EQ(read_file(rescued()), "the result");
}

TEST_F(OutputsTest, TwoFlagsDoNotNameOneFile) {
  put("old", "x");
  fs::create_hard_link(path("old"), path("hard"));
  fs::create_symlink("new", path("soft"));
  for (const auto& [one, two] : {std::pair<std::string, std::string>{path("old"), path("old")},
                                 {path("old"), path("hard")},
                                 {path("new"), path("soft")},
                                 {path("new"), path("./new")},
                                 {"-", "/dev/stdout"},
                                 {"-", "-"}}) {
    const std::string error = error_of<UsageError>([&] {
      const Outputs outputs("program", {{.flag = "--a", .path = one}, {.flag = "--b", .path = two}});
    });
    EXPECT_EQ(error, "--a and --b name the same file; got '" + one + "' and '" + two + "'; expected two");
  }
  const std::string input = error_of<UsageError>([&] {
    const Outputs outputs("program", {{.flag = "--a", .path = path("old")}, {"--input", path("hard"), Use::input}});
  });
  EXPECT_EQ(input.rfind("--a and --input name the same file", 0), 0u) << input;
  const Outputs inputs("program", {{"--input", path("old"), Use::input}, {"--another", path("hard"), Use::input}});
  const Outputs both("program", {{.flag = "--a", .path = "/dev/null"}, {.flag = "--b", .path = "/dev/null"}});
}

TEST_F(OutputsTest, AreTriedAtTheStart) {
  const auto refusal = [](const std::string& name, Use use) {
    return error_of<UsageError>([&] { const Outputs outputs("program", {{"--a", name, use}}); });
  };
  EXPECT_EQ(refusal(path("missing/a"), Use::result),
            "--a: cannot write '" + path("missing/a") + "': No such file or directory");
  EXPECT_EQ(refusal("/dev/stdout", Use::state), "--a: got '/dev/stdout'; expected a file, which is read as well");
  EXPECT_EQ(refusal(path("missing/a"), Use::input), "");
}

TEST_F(OutputsTest, StandardOutputThatTakesNotEverythingFails) {
  const auto prints = [] {
    std::cout << "text";
    return 0;
  };
  const Ran full = run(prints, "/dev/full");
  EXPECT_EQ(full.code, 1);
  EXPECT_EQ(full.err, "program: cannot write to standard output: No space left on device\n");
  EXPECT_EQ(run([] { return 0; }, "/dev/full").code, 0);  // nothing was printed
  EXPECT_EQ(run(
                [] {
                  std::cout << "early" << std::endl;  // fails here, and not again
                  return 3;
                },
                "/dev/full")
                .code,
            3);
}

TEST_F(OutputsTest, AClosedStandardOutputIsNotTakenForAFile) {
  const int code = in_child([&] {
    dup2(open(path("err").c_str(), O_WRONLY | O_CREAT, 0600), STDERR_FILENO);
    close(STDOUT_FILENO);
    return checked_main("program", [&] {
      Outputs outputs("program", {{.flag = "--a", .path = path("a")}});
      std::cout << "for people" << std::endl;
      outputs.write("--a", [] {
        std::cout << "more" << std::endl;
        return "{}";
      });
      return outputs.exit_code(0);
    });
  });
  EXPECT_EQ(code, 1);
  EXPECT_EQ(read_file(path("a")), "{}");
  EXPECT_NE(read_file(path("err")).find("cannot write to standard output: "), std::string::npos);
}

TEST_F(OutputsTest, ALimitOnFileSizesDoesNotEndTheProgram) {
  const Ran ran = run([] {
    raise(SIGXFSZ);
    return 0;
  });
  EXPECT_EQ(ran.code, 0);
}

}  // namespace
}  // namespace sluice::samples
