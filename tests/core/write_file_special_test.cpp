// What is written to without being replaced: devices, pipes, open descriptors, mount points; and writing that fails.
#include <csignal>
#include <filesystem>
#include <iostream>
#include <string>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <sluice/core/error.h>
#include <sluice/core/write_file.h>

#include "support/file_test.h"

namespace sluice {
namespace {

using namespace test;

class WriteFileSpecial : public FileTest {};

TEST_F(WriteFileSpecial, DevicesAreWrittenToAndNotReplaced) {
  require_writable("/dev/null");
  write_whole("/dev/null", "x");
  EXPECT_TRUE(fs::is_character_file("/dev/null"));
  require_writable("/dev/full");
  EXPECT_EQ(error_of([] { write_whole("/dev/full", "x"); }), "cannot write '/dev/full': No space left on device");
}

TEST_F(WriteFileSpecial, ABlockDeviceIsRefused) {
  if (mknod(path("disk").c_str(), S_IFBLK | 0600, makedev(7, 250)) != 0)
    GTEST_SKIP() << "block devices cannot be made here";
  EXPECT_TRUE(error_of<UsageError>([&] { require_writable(path("disk")); }).ends_with("it is a block device"));
  EXPECT_TRUE(error_of([&] { write_whole(path("disk"), "x"); }).ends_with("it is a block device"));
}

TEST_F(WriteFileSpecial, ANamedPipeIsWrittenTo) {
  ASSERT_EQ(mkfifo(path("pipe").c_str(), 0600), 0);
  require_writable(path("pipe"));  // does not wait for a reader
  std::string got;
  std::thread reader([&] { got = read_file(path("pipe")); });
  write_whole(path("pipe"), "text");
  reader.join();
  EXPECT_EQ(got, "text");
  EXPECT_TRUE(fs::is_fifo(path("pipe")));
}

TEST_F(WriteFileSpecial, APipeWithoutAReaderIsAnError) {
  EXPECT_EQ(in_child([] {
              signal(SIGPIPE, SIG_DFL);
              int ends[2];
              if (pipe(ends) != 0) return 2;
              close(ends[0]);
              const std::string name = "/dev/fd/" + std::to_string(ends[1]);
              return error_of([&] { write_whole(name, "x"); }).ends_with("Broken pipe") ? 0 : 1;
            }),
            0);
}

TEST_F(WriteFileSpecial, WhatIsOpenIsWrittenBehindWhatIsThere) {
  const int log = open(path("log").c_str(), O_WRONLY | O_CREAT, 0600);
  ASSERT_EQ(write(log, "before ", 7), 7);
  const std::string name = "/dev/fd/" + std::to_string(log);
  require_writable(name);
  write_whole(name, "text");
  fs::create_symlink(name, path("link"));
  EXPECT_EQ(output_descriptor(path("link")), log);
  EXPECT_EQ(write(log, " after", 6), 6);
  close(log);
  EXPECT_EQ(read_file(path("log")), "before text after");
  EXPECT_NE(error_of<UsageError>([&] { require_writable(name); }), "");  // closed
  const int readable = open(path("log").c_str(), O_RDONLY);
  EXPECT_NE(error_of<UsageError>([&] { require_writable("/dev/fd/" + std::to_string(readable)); }), "");
  close(readable);
}

TEST_F(WriteFileSpecial, StandardOutputKeepsWhatWasPrinted) {
  for (const std::string& name : {std::string("-"), std::string("/dev/stdout"), path("log")}) {
    put("log", "");
    EXPECT_EQ(in_child([&] {
                const int log = open(path("log").c_str(), O_WRONLY | O_TRUNC);
                if (dup2(log, STDOUT_FILENO) < 0 || chdir(folder_.c_str()) != 0) return 2;
                std::cout << "before ";
                require_writable(name);
                write_whole(name, "text");
                std::cout << " after" << std::flush;
                return 0;
              }),
              0);
    EXPECT_EQ(read_file(path("log")), "before text after") << name;
  }
  EXPECT_FALSE(fs::exists(path("-")));
}

TEST_F(WriteFileSpecial, ALimitOnFileSizesIsAnErrorThatLeavesTheOldText) {
  put("a", "old");
  put("b", "old");
  fs::create_hard_link(path("b"), path("c"));  // written in place
  const std::string longer(7000, 'o');         // than the new text
  put("longer", longer);
  fs::create_hard_link(path("longer"), path("e"));
  EXPECT_EQ(in_child([&] {
              signal(SIGXFSZ, SIG_DFL);
              const rlimit limit{.rlim_cur = 1000, .rlim_max = 1000};
              setrlimit(RLIMIT_FSIZE, &limit);
              int good = 0;
              for (const std::string& name : {path("a"), path("b"), path("longer"), path("new")}) {
                require_writable(name);
                good += error_of([&] { write_whole(name, std::string(5000, 'x')); }).ends_with("File too large");
              }
              return good == 4 ? 0 : 1;
            }),
            0);
  EXPECT_EQ(read_file(path("a")), "old");
  EXPECT_EQ(read_file(path("b")), "old");
  EXPECT_EQ(read_file(path("longer")), longer);
  EXPECT_EQ(files(), 5);
}

/// Mounts that end with the test.
class WriteFileMounted : public FileTest {
 protected:
  bool mount_on(const std::string& source, const std::string& at, const char* type, unsigned long flags,
                const char* options) {
    if (mount(source.c_str(), at.c_str(), type, flags, options) != 0) return false;
    mounted_.push_back(at);
    return true;
  }
  void TearDown() override {
    for (const std::string& at : mounted_) umount2(at.c_str(), MNT_DETACH);
    FileTest::TearDown();
  }

  std::vector<std::string> mounted_;
};

TEST_F(WriteFileMounted, AFullDiskLeavesTheOldText) {
  fs::create_directory(path("disk"));
  if (!mount_on("none", path("disk"), "tmpfs", 0, "size=64k")) GTEST_SKIP() << "needs to mount a file system";
  const std::string large(200'000, 'x');
  put("disk/a", "old");
  put("disk/b", "old");
  fs::create_hard_link(path("disk/b"), path("disk/c"));
  put("disk/holes", "old");
  fs::create_hard_link(path("disk/holes"), path("disk/d"));
  fs::resize_file(path("disk/holes"), 300'000);
  for (const char* name : {"disk/a", "disk/b", "disk/holes", "disk/new"}) {
    require_writable(path(name));
    EXPECT_EQ(error_of([&] { write_whole(path(name), large); }),
              "cannot write '" + path(name) + "': No space left on device");
  }
  EXPECT_EQ(read_file(path("disk/a")), "old");
  EXPECT_EQ(read_file(path("disk/b")), "old");
  EXPECT_EQ(read_file(path("disk/holes")), "old" + std::string(299'997, '\0'));
  EXPECT_FALSE(fs::exists(path("disk/new")));
  write_whole(path("disk/a"), "new");  // nothing was left that takes the room
  EXPECT_EQ(read_file(path("disk/a")), "new");
}

TEST_F(WriteFileMounted, AMountPointIsWrittenInPlace) {
  put("a", "old, and longer than the new text");
  put("mounted", "");
  if (!mount_on(path("a"), path("mounted"), nullptr, MS_BIND, nullptr)) GTEST_SKIP() << "needs to mount a file";
  require_writable(path("mounted"));
  EXPECT_EQ(read_file(path("a")), "old, and longer than the new text");
  write_whole(path("mounted"), "new");
  EXPECT_EQ(read_file(path("mounted")), "new");
  EXPECT_EQ(read_file(path("a")), "new");
  EXPECT_EQ(files(), 2);
}

TEST_F(WriteFileMounted, AReadOnlyFileSystemIsRefused) {
  fs::create_directory(path("disk"));
  put("disk/a", "old");
  if (!mount_on(path("disk"), path("disk"), nullptr, MS_BIND, nullptr) ||
      mount(nullptr, path("disk").c_str(), nullptr, MS_REMOUNT | MS_BIND | MS_RDONLY, nullptr) != 0)
    GTEST_SKIP() << "needs to mount a folder";
  for (const char* name : {"disk/a", "disk/new"})
    EXPECT_TRUE(error_of<UsageError>([&] { require_writable(path(name)); }).ends_with("Read-only file system")) << name;
}

}  // namespace
}  // namespace sluice
