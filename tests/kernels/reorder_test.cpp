#include <gtest/gtest.h>

#include <sluice/core/error.h>
#include <sluice/kernels/onednn/onednn.h>
#include <sluice/kernels/reorder/reorder.h>

#include "support/run_kernel.h"
#include "support/tensors.h"

namespace sluice::test {
namespace {

using onednn::descriptor;
using onednn::layout_of;
using Tag = dnnl::memory::format_tag;

const std::vector<Layout> activation_layouts = {Layout(), Layout::channels_last(), Layout::channel_blocked(4),
                                                Layout::channel_blocked(8), Layout::channel_blocked(16)};
const std::vector<Layout> weight_layouts = {
    Layout(),
    Layout({0, 1, 2, 3}, {{1, 16}, {0, 16}}),
    Layout({0, 1, 2, 3}, {{0, 16}, {1, 16}}),
    Layout({0, 2, 3, 1}, {{0, 16}}),
    Layout({0, 1, 2, 3}, {{1, 8}, {0, 8}}),
    Layout({0, 1, 2, 3}, {{1, 4}, {0, 16}, {1, 4}}),
    Layout({2, 3, 1, 0}, {}),
};
const std::vector<Layout> grouped_layouts = {
    Layout(),
    Layout({0, 1, 2, 3, 4}, {{2, 16}, {1, 16}}, 3),
    Layout({0, 1, 2, 3, 4}, {{0, 8}}, 3),
};

void check_all_pairs(const Tensor& value, const std::vector<Layout>& layouts) {
  for (const Layout& from : layouts)
    for (const Layout& to : layouts) {
      SCOPED_TRACE(value.shape().str() + " " + from.str(value.shape().rank()) + " -> " + to.str(value.shape().rank()));
      const KernelResult result = run_kernel({.op = std::make_shared<ReorderOp>(),
                                              .inputs = {{.value = value, .scope = Scope::batch, .layout = from}},
                                              .pinned_output = to});
      EXPECT_EQ(doubles(result.outputs[0]), doubles(value));
    }
}

TEST(Reorder, KeepsValuesAndZeroPadding) {
  for (const DType dtype : {DType::f32, DType::i32, DType::u8}) {
    check_all_pairs(random_tensor({3, 5, 7, 2}, dtype, 0, 200, 1), activation_layouts);
    check_all_pairs(random_tensor({1, 32, 1, 1}, dtype, 0, 200, 2), activation_layouts);
  }
  check_all_pairs(random_tensor({64, 48, 3, 3}, DType::f32, -1, 1, 3), weight_layouts);
  check_all_pairs(random_tensor({33, 20, 3, 2}, DType::f32, -1, 1, 4), weight_layouts);
  check_all_pairs(random_tensor({32, 1, 3, 3}, DType::f32, -1, 1, 5), weight_layouts);
  check_all_pairs(random_tensor({15, 7, 3, 3}, DType::f32, -1, 1, 6), grouped_layouts);
  check_all_pairs(random_tensor({10, 128}, DType::f32, -1, 1, 7),
                  {Layout(), Layout({0, 1}, {{1, 16}, {0, 64}}), Layout({1, 0}, {})});
}

TEST(Reorder, MovesBits) {
  const Shape dims{3, 21, 3, 2};
  const Tensor mask = random_tensor(dims, DType::u8, 0, 1, 8);
  for (const Layout& from : activation_layouts)
    for (const Layout& to : activation_layouts) {
      const KernelInput bits{.value = mask,
                             .scope = Scope::batch,
                             .layout = from,
                             .spec = ValueSpec{.shape = dims, .dtype = DType::bit, .scope = Scope::batch}};
      const KernelResult result =
          run_kernel({.op = std::make_shared<ReorderOp>(), .inputs = {bits}, .pinned_output = to});
      EXPECT_EQ(doubles(result.outputs[0]), doubles(mask)) << from.str(4) << " -> " << to.str(4);
    }
}

TEST(OneDnnLayout, GoesToDescriptorsAndBack) {
  const auto round_trip = [](const Shape& dims, const std::vector<Layout>& layouts) {
    for (const Layout& layout : layouts) {
      const onednn::Md md = descriptor(dims, DType::f32, layout, layout.groups());
      EXPECT_EQ(md.get_size(), layout.bytes(dims, DType::f32)) << layout.str(dims.rank());
      const Layout again = layout_of(md, layout.groups());
      EXPECT_EQ(again, layout) << layout.str(dims.rank()) << " became " << again.str(dims.rank());
    }
  };
  round_trip({3, 20, 7, 2}, activation_layouts);
  round_trip({33, 20, 3, 2}, weight_layouts);
  round_trip({15, 7, 3, 3}, grouped_layouts);
  round_trip({10}, {Layout()});
  round_trip({10, 128}, {Layout(), Layout({1, 0}, {}), Layout({0, 1}, {{1, 16}, {0, 64}})});
}

// Whatever name oneDNN gives to a format: the bytes are where Layout says they are.
TEST(OneDnnLayout, HasTheOffsetsOfOneDnn) {
  const auto check = [](const dnnl::memory::dims& dims, Tag tag, std::int64_t groups = 1) {
    const onednn::Md md(dims, dnnl::memory::data_type::f32, tag);
    std::vector<std::int64_t> logical(dims.begin(), dims.end());
    if (groups > 1) logical.erase(logical.begin()), logical[0] *= groups;
    const Shape shape{std::span<const std::int64_t>(logical)};
    const Layout layout = layout_of(md, groups);
    EXPECT_EQ(layout.bytes(shape, DType::f32), md.get_size()) << layout.str(shape.rank());
    // oneDNN moves 0, 1, 2, ... from plain to the format.
    std::vector<float> plain(static_cast<std::size_t>(shape.elements())), blocked(md.get_size() / sizeof(float));
    for (std::size_t i = 0; i < plain.size(); ++i) plain[i] = static_cast<float>(i);
    const onednn::Md plain_md = descriptor(shape, DType::f32, Layout(), groups);
    const auto pd = onednn::reorder(plain_md, md);
    std::vector<std::byte> scratch(onednn::scratchpad_bytes(pd) + 1);
    onednn::Execution(pd, {{DNNL_ARG_FROM, plain_md, plain.data()}, {DNNL_ARG_TO, md, blocked.data()}}, scratch.data())
        .run();
    layout.for_each(shape, [&](std::int64_t from, std::int64_t to) {
      ASSERT_EQ(blocked[static_cast<std::size_t>(to)], plain[static_cast<std::size_t>(from)])
          << layout.str(shape.rank());
    });
  };
  for (const Tag tag : {Tag::nchw, Tag::nhwc, Tag::chwn, Tag::nChw4c, Tag::nChw8c, Tag::nChw16c})
    for (const dnnl::memory::dims& dims : {dnnl::memory::dims{3, 20, 5, 4}, {1, 16, 1, 1}, {2, 1, 6, 1}})
      check(dims, tag);
  for (const Tag tag :
       {Tag::oihw, Tag::hwio, Tag::Ohwi16o, Tag::OIhw16i16o, Tag::OIhw16o16i, Tag::OIhw4i16o4i, Tag::IOhw16o16i})
    for (const dnnl::memory::dims& dims : {dnnl::memory::dims{33, 20, 3, 2}, {32, 1, 3, 3}, {64, 64, 1, 1}})
      check(dims, tag);
  for (const Tag tag : {Tag::goihw, Tag::gOIhw16i16o, Tag::Goihw16g, Tag::gOhwi16o}) check({3, 5, 7, 3, 3}, tag, 3);
}

TEST(OneDnnLayout, IgnoresExtentsOfOne) {
  const auto layout = [](const dnnl::memory::dims& dims, Tag tag) {
    return layout_of(onednn::Md(dims, dnnl::memory::data_type::f32, tag));
  };
  EXPECT_TRUE(layout({4, 64, 1, 1}, Tag::nhwc).is_plain());
  EXPECT_TRUE(layout({4, 1, 9, 7}, Tag::nhwc).is_plain());
  EXPECT_EQ(layout({32, 1, 3, 3}, Tag::Ohwi16o), layout({32, 1, 3, 3}, Tag::Oihw16o));
}

TEST(OneDnnLayout, RefusesWhatOneDnnDoesNotKnow) {
  EXPECT_THROW(descriptor({4, 8}, DType::f64, Layout()), BackendError);
  EXPECT_THROW(descriptor({4, 8, 2, 2}, DType::f32, Layout({3, 0, 2, 1}, {{1, 7}})), BackendError);
  EXPECT_THROW(descriptor({6, 8, 2, 2}, DType::f32, Layout({0, 1, 2, 3, 4}, {{0, 8}}, 3), 2), BackendError);
}

}  // namespace
}  // namespace sluice::test
