// How files are replaced: what they keep, links, and what is refused.
#include <sluice/core/write_file.h>

#include <filesystem>
#include <string>

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <sluice/core/error.h>

#include "support/file_test.h"

namespace sluice {
namespace {

using namespace test;

class WriteFile : public FileTest {};

TEST_F(WriteFile, TryingLeavesNoTrace) {
  require_writable(path("a"));
  EXPECT_EQ(files(), 0);
  put("b", "old");
  const struct stat before = status_of(path("b"));
  require_writable(path("b"));
  EXPECT_EQ(read_file(path("b")), "old");
  EXPECT_EQ(status_of(path("b")).st_ino, before.st_ino);
  EXPECT_EQ(status_of(path("b")).st_mtim.tv_nsec, before.st_mtim.tv_nsec);
  EXPECT_EQ(files(), 1);
}

TEST_F(WriteFile, RefusesWhatCannotBeWritten) {
  put("file", "x");
  for (const std::string& bad : {path("missing/a"), folder_.string(), folder_.string() + "/", path("new/"),
                                 path("file/below"), path(std::string(256, 'n')), std::string()}) {
    EXPECT_EQ(error_of<UsageError>([&] { require_writable(bad); }).rfind("cannot write '" + bad + "': ", 0), 0u) << bad;
    EXPECT_EQ(error_of([&] { write_whole(bad, "x"); }).rfind("cannot write '" + bad + "': ", 0), 0u) << bad;
  }
  EXPECT_EQ(files(), 1);
}

TEST_F(WriteFile, ANameMayBeAsLongAsNamesCanBe) {
  const std::string longest = path(std::string(255, 'n'));
  require_writable(longest);
  write_whole(longest, "one");
  write_whole(longest, "two");
  EXPECT_EQ(read_file(longest), "two");
}

TEST_F(WriteFile, ReplacesAndCreates) {
  write_whole(path("a"), "one, which is longer");
  write_whole(path("a"), "two");
  EXPECT_EQ(read_file(path("a")), "two");
  EXPECT_EQ(files(), 1);
}

TEST_F(WriteFile, ANewFileHasTheModeThatTheUmaskLeaves) {
  const mode_t before = umask(027);
  write_whole(path("a"), "x");
  umask(before);
  EXPECT_EQ(mode_of(path("a")), 0640u);
}

TEST_F(WriteFile, AReplacedFileKeepsItsMode) {
  for (const mode_t mode : {0600u, 0640u, 0666u, 0755u}) {
    put("a", "old");
    fs::permissions(path("a"), static_cast<fs::perms>(mode));
    write_whole(path("a"), "new");
    EXPECT_EQ(mode_of(path("a")), mode);
    EXPECT_EQ(read_file(path("a")), "new");
  }
}

TEST_F(WriteFile, AReplacedFileKeepsItsOwner) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can give a file away";
  put("a", "old");
  ASSERT_EQ(chown(path("a").c_str(), 1234, 4321), 0);
  write_whole(path("a"), "new");
  EXPECT_EQ(status_of(path("a")).st_uid, 1234u);
  EXPECT_EQ(status_of(path("a")).st_gid, 4321u);
  EXPECT_EQ(read_file(path("a")), "new");
}

TEST_F(WriteFile, AnOwnerWhoCannotBeKeptIsKeptByWritingInPlace) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can become somebody else";
  fs::permissions(folder_, fs::perms::all);
  put("a", "old");
  fs::permissions(path("a"), static_cast<fs::perms>(0666));
  EXPECT_EQ(in_child([&] {
              if (setgid(4321) != 0 || setuid(1234) != 0) return 2;
              write_whole(path("a"), "new");
              return 0;
            }),
            0);
  EXPECT_EQ(status_of(path("a")).st_uid, 0u);
  EXPECT_EQ(read_file(path("a")), "new");
  EXPECT_EQ(files(), 1);
}

TEST_F(WriteFile, AReplacedFileKeepsItsExtendedAttributes) {
  put("a", "old");
  if (setxattr(path("a").c_str(), "user.note", "mine", 4, 0) != 0)
    GTEST_SKIP() << "the file system of temporary files has no extended attributes";
  write_whole(path("a"), "new");
  char value[8] = {};
  EXPECT_EQ(getxattr(path("a").c_str(), "user.note", value, sizeof value), 4);
  EXPECT_EQ(std::string(value), "mine");
  EXPECT_EQ(read_file(path("a")), "new");
}

TEST_F(WriteFile, AWriteProtectedFileIsRefused) {
  put("a", "old");
  fs::permissions(path("a"), static_cast<fs::perms>(0444));
  const auto refused = [&] {
    return error_of([&] { require_writable(path("a")); }).ends_with("Permission denied") &&
           error_of([&] { write_whole(path("a"), "new"); }).ends_with("Permission denied");
  };
  if (geteuid() == 0) {
    fs::permissions(folder_, fs::perms::all);
    EXPECT_EQ(in_child([&] { return setuid(1234) == 0 && refused() ? 0 : 1; }), 0);
  } else {
    EXPECT_TRUE(refused());
  }
  EXPECT_EQ(read_file(path("a")), "old");
}

TEST_F(WriteFile, AFileInAFolderThatTakesNoNewOnesIsWrittenInPlace) {
  put("a", "old, and longer than the new text");
  fs::permissions(path("a"), static_cast<fs::perms>(0666));
  fs::permissions(folder_, static_cast<fs::perms>(0555));
  const auto works = [&] {
    require_writable(path("a"));
    write_whole(path("a"), "new");
    return error_of<UsageError>([&] { require_writable(path("b")); }).ends_with("Permission denied");
  };
  EXPECT_EQ(in_child([&] { return (geteuid() != 0 || setuid(1234) == 0) && works() ? 0 : 1; }), 0);
  EXPECT_EQ(read_file(path("a")), "new");
  fs::permissions(folder_, fs::perms::all);
}

TEST_F(WriteFile, AllNamesOfAFileShowTheNewText) {
  put("a", "a text that is longer than the next");
  fs::create_hard_link(path("a"), path("b"));
  require_writable(path("b"));
  write_whole(path("b"), "new");
  EXPECT_EQ(read_file(path("a")), "new");
  EXPECT_EQ(status_of(path("a")).st_nlink, 2u);
  EXPECT_EQ(files(), 2);
}

TEST_F(WriteFile, FollowsLinks) {
  put("a", "one");
  fs::create_directory(path("below"));
  fs::create_symlink("../a", path("below/link"));
  fs::create_symlink("below/link", path("link"));
  require_writable(path("link"));
  write_whole(path("link"), "two");
  EXPECT_TRUE(fs::is_symlink(path("link")));
  EXPECT_TRUE(fs::is_symlink(path("below/link")));
  EXPECT_EQ(read_file(path("a")), "two");
}

TEST_F(WriteFile, ALinkToNoFileMakesTheFile) {
  fs::create_directory(path("below"));
  fs::create_symlink("below/a", path("link"));
  require_writable(path("link"));
  EXPECT_FALSE(fs::exists(path("below/a")));
  write_whole(path("link"), "text");
  EXPECT_TRUE(fs::is_symlink(path("link")));
  EXPECT_EQ(read_file(path("below/a")), "text");
  fs::create_symlink("missing/a", path("nowhere"));
  EXPECT_TRUE(error_of<UsageError>([&] { require_writable(path("nowhere")); }).ends_with("No such file or directory"));
}

TEST_F(WriteFile, LinksInACircleAreRefused) {
  fs::create_symlink("two", path("one"));
  fs::create_symlink("one", path("two"));
  EXPECT_NE(error_of<UsageError>([&] { require_writable(path("one")); }), "");
  EXPECT_NE(error_of([&] { write_whole(path("one"), "x"); }), "");
}

TEST_F(WriteFile, SaysWhetherTwoPathsAreOneOutput) {
  put("a", "x");
  put("other", "x");
  fs::create_hard_link(path("a"), path("hard"));
  fs::create_symlink("a", path("soft"));
  fs::create_symlink(folder_, path("folder"));
  fs::create_symlink("new", path("to_new"));
  for (const char* name : {"a", "./a", "folder/a", "hard", "soft"})
    EXPECT_TRUE(same_output(path("a"), path(name))) << name;
  for (const char* name : {"new", "./new", "folder/new", "to_new"})
    EXPECT_TRUE(same_output(path("new"), path(name))) << name;
  EXPECT_FALSE(same_output(path("a"), path("other")));
  EXPECT_FALSE(same_output(path("a"), path("new")));
  EXPECT_FALSE(same_output(path("new"), path("new2")));
  EXPECT_TRUE(same_output("-", "/dev/stdout"));
  EXPECT_TRUE(same_output("/dev/fd/1", "/proc/self/fd/1"));
  EXPECT_FALSE(same_output("/dev/null", "/dev/null"));  // nothing is lost
  EXPECT_FALSE(same_output("", path("a")));
}

}  // namespace
}  // namespace sluice
