#include <sluice/core/byte_size.h>

#include <limits>

#include <gtest/gtest.h>

#include <sluice/core/error.h>

namespace sluice::test {
namespace {

TEST(ParseBytes, ReadsUnits) {
  EXPECT_EQ(parse_bytes("0"), 0u);
  EXPECT_EQ(parse_bytes("4096"), 4096u);
  EXPECT_EQ(parse_bytes("12B"), 12u);
  EXPECT_EQ(parse_bytes("64MiB"), 64u << 20);
  EXPECT_EQ(parse_bytes("800MB"), 800'000'000u);
  EXPECT_EQ(parse_bytes("1.5GiB"), 1'610'612'736u);
  EXPECT_EQ(parse_bytes("2kB"), 2000u);
  EXPECT_EQ(parse_bytes("2KB"), 2000u);
  EXPECT_EQ(parse_bytes("2KiB"), 2048u);
  EXPECT_EQ(parse_bytes("3GB"), 3'000'000'000u);
  EXPECT_EQ(parse_bytes("1TiB"), std::size_t{1} << 40);
  EXPECT_EQ(parse_bytes("0.5kB"), 500u);
  EXPECT_EQ(parse_bytes("64.0 MiB"), 64u << 20);
  EXPECT_EQ(parse_bytes("010"), 10u);
}

TEST(ParseBytes, CutsFractionsOfAByte) {
  EXPECT_EQ(parse_bytes("1.0005kB"), 1000u);
  EXPECT_EQ(parse_bytes("1.55GiB"), 1'664'299'827u);  // …827.2
  EXPECT_EQ(parse_bytes("0.3333333333333333333333333333MB"), 333'333u);
  EXPECT_EQ(parse_bytes("0.999999999999999999999MB"), 999'999u);
}

TEST(ParseBytes, ReadsTheLargest) {
  constexpr std::size_t most = std::numeric_limits<std::size_t>::max();
  EXPECT_EQ(parse_bytes("18446744073709551615"), most);
  EXPECT_EQ(parse_bytes("16777215TiB"), most - (std::size_t{1} << 40) + 1);
}

TEST(ParseBytes, RejectsEverythingElse) {
  for (const char* text : {"",
                           " ",
                           "-3",
                           "-1MiB",
                           "+3",
                           "abc",
                           "MiB",
                           "64 ",
                           " 64",
                           "64  MiB",
                           "64Mib",
                           "64mib",
                           "64M",
                           "64Mb",
                           "1.MiB",
                           ".5MiB",
                           "1.5",
                           "1.5B",
                           "1e6",
                           "0x10",
                           "inf",
                           "nan",
                           "64MiBs",
                           "1,5GiB",
                           "1.5.5MiB",
                           "18446744073709551616",
                           "16777216TiB",
                           "99999999999999999999GB",
                           "none"}) {
    try {
      parse_bytes(text);
      ADD_FAILURE() << "'" << text << "' was read";
    } catch (const UsageError& error) {
      EXPECT_NE(std::string(error.what()).find("'" + std::string(text) + "'"), std::string::npos) << error.what();
    }
  }
}

TEST(FormatBytes, IsReadable) {
  EXPECT_EQ(format_bytes(0), "0 B");
  EXPECT_EQ(format_bytes(1023), "1023 B");
  EXPECT_EQ(format_bytes(1024), "1.0 KiB");
  EXPECT_EQ(format_bytes(64_MiB), "64.0 MiB");
  EXPECT_EQ(format_bytes(1536_MiB), "1.5 GiB");
  EXPECT_EQ(format_bytes(1_MiB - 1), "1.0 MiB");  // never 1024.0 KiB
  EXPECT_EQ(format_bytes(std::numeric_limits<std::size_t>::max()), "16777215.9 TiB");
}

TEST(FormatBytes, IsReadBack) {
  for (const std::size_t bytes : {std::size_t{0}, std::size_t{1023}, 1_MiB - 1, 64_GiB, ~std::size_t{0}})
    EXPECT_NEAR(static_cast<double>(parse_bytes(format_bytes(bytes))), static_cast<double>(bytes),
                0.05 * static_cast<double>(bytes));
}

TEST(Literals, AreBytes) {
  static_assert(64_KiB == 65'536 && 64_MiB == 67'108'864 && 2_GiB == 2'147'483'648 && 3_MB == 3'000'000);
}

}  // namespace
}  // namespace sluice::test
