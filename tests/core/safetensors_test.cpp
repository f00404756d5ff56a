// Files that are right, files of other dtypes, and files that are cut off, lie or want to do harm.
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sluice/core/safetensors.h>

#include "support/file_test.h"

namespace sluice {
namespace {

using namespace test;

class Safetensors : public FileTest {};

std::string of_length(std::uint64_t length) {
  std::string bytes(8, '\0');
  std::memcpy(bytes.data(), &length, 8);
  return bytes;
}

/// A file with this header and `data`.
std::string file_of(const std::string& header, const std::string& data = {}) {
  return of_length(header.size()) + header + data;
}

template <class T>
std::string bytes_of_values(const std::vector<T>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}

/// A header with one tensor, and its place.
std::string one(const std::string& dtype, const std::string& shape, const std::string& offsets) {
  return R"({"a":{"dtype":")" + dtype + R"(","shape":)" + shape + R"(,"data_offsets":)" + offsets + "}}";
}

/// The error of reading these bytes; empty: there is none.
std::string error_in(const std::string& bytes) {
  return error_of<DataError>([&] { SafetensorsFile(std::as_bytes(std::span(bytes)), "x"); });
}

TEST_F(Safetensors, WhatIsWrittenIsRead) {
  const Tensor weight = Tensor::of<float>({2, 3}, {1, 2, 3, 4, 5, -0.0f});
  const Tensor moment = Tensor::of<double>({}, {1e300});
  const Tensor label = Tensor::of<std::int32_t>({2}, {-7, 1 << 30});
  const Tensor pixel = Tensor::of<std::uint8_t>({3}, {0, 128, 255});
  std::vector<TensorToStore> tensors;
  for (const auto& [name, tensor] :
       {std::pair("pixel", pixel), std::pair("weight", weight), std::pair("moment", moment), std::pair("label", label)})
    tensors.push_back({name, tensor.dtype(), tensor.shape(), [tensor] { return tensor; }});
  write_safetensors(path("f"), tensors, {{"a key", "a \"value\"\n"}});

  const SafetensorsFile file(path("f"));
  EXPECT_EQ(file.metadata(), (std::map<std::string, std::string>{{"a key", "a \"value\"\n"}}));
  EXPECT_EQ(file.tensors().size(), 4u);
  for (const TensorToStore& stored : tensors) {
    const Tensor expected = stored.read(), got = file.read(stored.name, expected.dtype());
    EXPECT_EQ(got.shape(), expected.shape());
    EXPECT_EQ(std::memcmp(got.data(), expected.data(), expected.bytes()), 0) << stored.name;
    const auto address = reinterpret_cast<std::uintptr_t>(file.tensors().at(stored.name).data.data());
    EXPECT_EQ(address % size_bytes(stored.dtype), 0u) << stored.name;
  }
}

TEST_F(Safetensors, AnEmptyFileOfTensorsIsValid) {
  write_safetensors(path("f"), {});
  EXPECT_TRUE(SafetensorsFile(path("f")).tensors().empty());
  EXPECT_EQ(error_in(file_of("{}")), "");
  EXPECT_EQ(error_in(file_of("{}      ")), "");  // padded
}

TEST_F(Safetensors, OtherDtypesAreConverted) {
  const std::string data = bytes_of_values<std::uint16_t>({0x3c00, 0xc000, 0x0001, 0x7c00, 0xfc00}) +  // F16
                           bytes_of_values<std::uint16_t>({0x3f80, 0xc049}) +                          // BF16
                           bytes_of_values<std::int64_t>({-3, 1LL << 40}) + bytes_of_values<double>({0.1});
  put("f", file_of(R"({"h":{"dtype":"F16","shape":[5],"data_offsets":[0,10]},)"
                   R"("b":{"dtype":"BF16","shape":[2],"data_offsets":[10,14]},)"
                   R"("i":{"dtype":"I64","shape":[2],"data_offsets":[14,30]},)"
                   R"("d":{"dtype":"F64","shape":[1],"data_offsets":[30,38]}})",
                   data));
  const SafetensorsFile file(path("f"));
  constexpr float infinity = std::numeric_limits<float>::infinity();
  const Tensor h = file.read("h", DType::f32), b = file.read("b", DType::f64);
  const std::vector<float> halves{1, -2, std::ldexp(1.0f, -24), infinity, -infinity};
  for (std::size_t i = 0; i < halves.size(); ++i) EXPECT_EQ(h.values<float>()[i], halves[i]);
  EXPECT_EQ(b.values<double>()[0], 1.0);
  EXPECT_EQ(b.values<double>()[1], -3.140625);
  EXPECT_EQ(file.read("i", DType::f32).values<float>()[1], std::ldexp(1.0f, 40));
  EXPECT_EQ(file.read("d", DType::f32).values<float>()[0], 0.1f);
  EXPECT_EQ(error_of<DataError>([&] { file.read("i", DType::i32); }),
            "cannot read tensor 'i' of '" + path("f") + "': element 1 is 1099511627776, which does not fit i32");
  EXPECT_EQ(error_of<DataError>([&] { file.read("none", DType::f32); }),
            "cannot read tensor 'none' of '" + path("f") + "': there is no such tensor");
}

TEST_F(Safetensors, HalfPrecisionNumbersAreExact) {
  std::vector<std::uint16_t> all(1 << 16);
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<std::uint16_t>(i);
  put("f", file_of(one("F16", "[65536]", "[0,131072]"), bytes_of_values(all)));
  const Tensor values = SafetensorsFile(path("f")).read("a", DType::f32);
  for (std::size_t i = 0; i < all.size(); ++i) {
    _Float16 half;
    std::memcpy(&half, &all[i], 2);
    const auto expected = static_cast<float>(half);
    const float got = values.values<float>()[i];
    EXPECT_TRUE(std::isnan(expected) ? std::isnan(got)
                                     : got == expected && std::signbit(got) == std::signbit(expected));
  }
}

TEST_F(Safetensors, TensorsMayBeEmptyUnalignedAndScalar) {
  const std::string data = "\x07" + bytes_of_values<float>({1.5f});
  put("f", file_of(R"({"u":{"dtype":"U8","shape":[],"data_offsets":[0,1]},)"
                   R"("e":{"dtype":"F32","shape":[3,0],"data_offsets":[1,1]},)"
                   R"("a":{"dtype":"F32","shape":[1,1],"data_offsets":[1,5]}})",
                   data));
  const SafetensorsFile file(path("f"));
  EXPECT_EQ(file.read("u", DType::i32).values<std::int32_t>()[0], 7);
  EXPECT_EQ(file.read("a", DType::f32).values<float>()[0], 1.5f);
  EXPECT_EQ(file.tensors().at("e").data.size(), 0u);
  EXPECT_NE(error_of<DataError>([&] { file.read("e", DType::f32); }), "");
}

TEST_F(Safetensors, DamagedFilesAreRefused) {
  const std::vector<std::pair<std::string, std::string>> cases{
      {"", "it has 0 bytes"},
      {std::string(7, '\0'), "it has 7 bytes"},
      {of_length(0), "no JSON"},
      {of_length(1ull << 63) + "{}", "header would have 9223372036854775808 bytes"},
      {of_length(~0ull) + "{}", "header would have 18446744073709551615 bytes"},
      {of_length(3) + "{}", "header would have 3 bytes"},
      {of_length(1) + "{}", "no JSON"},
      {file_of("{"), "no JSON"},
      {file_of("{} x"), "no JSON"},
      {file_of("\xff\xfe"), "no JSON"},
      {file_of("{\"\xff\":1}"), "no JSON"},
      {file_of("[]"), "its header is a list"},
      {file_of("7"), "its header is a number"},
      {file_of("null"), "its header is null"},
      {file_of(R"({"a":1})"), "a number at 'a'"},
      {file_of(R"({"a":{}})"), "has no dtype"},
      {file_of(R"({"a":{"dtype":"F32","shape":[1]}})"), "has no data_offsets"},
      {file_of(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0]}})", "1234"), "has 1 data_offsets; expected 2"},
      {file_of(R"({"a":{"dtype":"F32","shape":{"b":1},"data_offsets":[0,4]}})", "1234"), "an object at 'shape'"},
      {file_of(R"({"a":{"dtype":"F32","shape":[[1]],"data_offsets":[0,4]}})", "1234"), "a list at 'shape'"},
      {file_of(R"({"a":{"dtype":["F32"],"shape":[1],"data_offsets":[0,4]}})", "1234"), "a list at 'dtype'"},
      {file_of(R"({"a":{"dtype":"F32","dtype":"F32","shape":[1],"data_offsets":[0,4]}})", "1234"), "'dtype' twice"},
      {file_of(R"({"__metadata__":{"a":1}})"), "a number at 'a'"},
      {file_of(R"({"__metadata__":"a"})"), "a text at '__metadata__'"},
      {file_of(R"({"__metadata__":{"a":"1","a":"2"}})"), "'a' twice"},
      {file_of(one("F99", "[1]", "[0,4]"), "1234"), "dtype 'F99'"},
      {file_of(one("F32", "[-1]", "[0,4]"), "1234"), "a negative number at 'shape'"},
      {file_of(one("F32", "[1.0]", "[0,4]"), "1234"), "a fraction at 'shape'"},
      {file_of(one("F32", "[18446744073709551615]", "[0,4]"), "1234"), "a number above 2^63"},
      {file_of(one("F32", "[36893488147419103232]", "[0,4]"), "1234"), "a fraction"},
      {file_of(one("F32", "[4611686018427387904]", "[0,4]"), "1234"), "too large"},
      {file_of(one("U8", "[4294967296,4294967297]", "[0,4]"), "1234"), "too large"},
      {file_of(one("F32", "[1]", "[-4,0]"), "1234"), "a negative number"},
      {file_of(one("F32", "[1]", "[4,0]"), "1234"), "ends before it begins"},
      {file_of(one("F32", "[1]", "[0,8]"), "12345678"), "F32 [1] takes 4 bytes"},
      {file_of(one("F32", "[2]", "[0,8]"), "1234"), "cut off"},
      {file_of(one("F32", "[1]", "[4,8]"), "12345678"), "behind a gap"},
      {file_of(one("F32", "[1]", "[0,4]"), "12345678"), "end at byte 4 of its data, which has 8"},
      {file_of("{}", "x"), "end at byte 0"},
      {file_of(
           R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[4],"data_offsets":[2,6]}})",
           "123456"),
       "over tensor 'a'"},
      {file_of(
           R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}})",
           "12"),
       "names 'a' twice"},
      {file_of(std::string(100'000, '[')), "its header is a list"},
      {file_of(R"({"a":)" + std::string(100'000, '{')), "no JSON"},
  };
  for (const auto& [bytes, part] : cases) {
    const std::string error = error_in(bytes);
    EXPECT_TRUE(error.starts_with("cannot read 'x': ")) << part;
    EXPECT_NE(error.find(part), std::string::npos) << error << "\nexpected: " << part;
  }
}

TEST_F(Safetensors, EveryCutIsRefused) {
  const Tensor tensor({5});
  const std::vector<TensorToStore> tensors{{"a", DType::f32, {5}, [&] { return tensor; }}};
  write_safetensors(path("f"), tensors);
  const std::string whole = read_file(path("f"));
  EXPECT_EQ(error_in(whole), "");
  for (std::size_t size = 0; size < whole.size(); ++size) EXPECT_NE(error_in(whole.substr(0, size)), "") << size;
  EXPECT_NE(error_in(whole + '\0'), "");
}

TEST_F(Safetensors, WhatIsNoFileIsRefused) {
  EXPECT_TRUE(error_of<DataError>([&] { SafetensorsFile(path("none")); }).ends_with("No such file or directory"));
  EXPECT_TRUE(error_of<DataError>([&] { SafetensorsFile(folder_.string()); }).ends_with("it is no regular file"));
  ASSERT_EQ(mkfifo(path("pipe").c_str(), 0600), 0);
  EXPECT_TRUE(error_of<DataError>([&] { SafetensorsFile(path("pipe")); }).ends_with("it is no regular file"));
  if (geteuid() == 0) GTEST_SKIP() << "root reads every file";
  put("secret", file_of("{}"));
  chmod(path("secret").c_str(), 0);
  EXPECT_TRUE(error_of<DataError>([&] { SafetensorsFile(path("secret")); }).ends_with("Permission denied"));
}

TEST_F(Safetensors, AFailingWriteLeavesTheOldFile) {
  const Tensor tensor({5});
  std::vector<TensorToStore> tensors{{"a", DType::f32, {5}, [&] { return tensor; }}};
  write_safetensors(path("f"), tensors);
  const std::string old = read_file(path("f"));
  tensors.push_back({"b", DType::f32, {5}, []() -> Tensor { throw UsageError("no value"); }});
  EXPECT_NE(error_of([&] { write_safetensors(path("f"), tensors); }), "");
  tensors[1] = {"b", DType::f32, {5}, [&] { return Tensor({4}); }};
  EXPECT_NE(error_of([&] { write_safetensors(path("f"), tensors); }), "");
  tensors[1] = tensors[0];
  EXPECT_NE(error_of<UsageError>([&] { write_safetensors(path("f"), tensors); }).find("two tensors are called 'a'"),
            std::string::npos);
  EXPECT_EQ(read_file(path("f")), old);
  EXPECT_EQ(files(), 1);
}

}  // namespace
}  // namespace sluice
