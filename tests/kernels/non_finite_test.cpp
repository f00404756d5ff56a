// NaN and infinities through every op of the library: on a device what they become is what they become on the reference
// device, and there it is what PyTorch says (make_non_finite_goldens.py).

#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>
#include <map>
#include <set>
#include <sstream>

#include <gtest/gtest.h>

#include <sluice/core/fuse.h>
#include <sluice/core/kernel.h>
#include <sluice/kernels/reference/reference_backend.h>
#include <sluice/kernels/reorder/reorder.h>

#include "support/attacked.h"
#include "support/device_under_test.h"
#include "support/run_kernel.h"
#include "support/tensors.h"

namespace sluice::test {
namespace {

const std::map<std::string, double> attacks = {{"nan", std::numeric_limits<double>::quiet_NaN()},
                                               {"inf", std::numeric_limits<double>::infinity()},
                                               {"-inf", -std::numeric_limits<double>::infinity()}};

constexpr std::int64_t device_channels = 20, golden_channels = 3;

/// Ops that no case attacks, and why.
const std::map<std::string, std::string> left_out = {
    {"adam", "a step whose gradient is not finite is not taken"},
    {"sgd", "a step whose gradient is not finite is not taken"},
    {"batch_norm_update", "runs where the step is taken"},
    {"reorder", "see KeepsItsClassInEveryLayout"},
};

/// Cases that PyTorch is not asked about, and why.
const std::map<std::string, std::string> without_golden = {
    {"batch_gather", "an op of Sluice: copies rows"},
    {"broadcast", "an op of Sluice: copies a batch value"},
    {"conv2d grouped", "the loops of conv2d on the reference device"},
    {"conv2d padded", "the loops of conv2d on the reference device"},
    {"conv2d strided", "the loops of conv2d on the reference device"},
    {"conv2d winograd", "the loops of conv2d on the reference device"},
    {"conv_transpose2d", "made of the gradients of conv2d"},
    {"correct", "a NaN is never right, which PyTorch sees otherwise"},
    {"cross_entropy weighted", "what weighs nothing counts nothing, which PyTorch sees otherwise"},
    {"cross_entropy_weight", "an op of Sluice: adds up weights"},
    {"dropout", "PyTorch drops other elements"},
    {"finite_check", "an op of Sluice: counts"},
    {"normalize", "its input has whole numbers"},
    {"scale_by", "a product, as mul"},
};

void set(Tensor& tensor, std::size_t place, double value) {
  if (tensor.dtype() == DType::f64)
    tensor.values<double>()[place] = value;
  else
    tensor.values<float>()[place] = static_cast<float>(value);
}

/// What a device may make otherwise than the reference.
struct Freedom {
  Infinities infinities = Infinities::stay;
  std::optional<std::int64_t> spread = {};
};

Freedom freedom_of(const NonFiniteCase& test, double attack) {
  Freedom free{std::isnan(attack) ? Infinities::stay : test.infinities, test.spread};
  // cuDNN may take Winograd's tiles, or a Fourier transform of the whole map, for any convolution.
  const bool on_cuda = device_under_test().kind() == Device::Kind::cuda;
  if (on_cuda && std::ranges::count(test.attacks, "conv2d") > 0) free.spread = 0;
  return free;
}

/// Whether element `i` lies in a tile of its map with one that is not finite.
bool in_spoilt_tile(const std::vector<double>& values, const Shape& shape, std::size_t i, std::int64_t tile) {
  if (shape.rank() != 4) return false;
  const auto place = static_cast<std::int64_t>(i);
  const std::int64_t h = shape[2], w = shape[3], row = place / w % h, column = place % w;
  for (std::int64_t p = 0; p < h; ++p)
    for (std::int64_t q = 0; q < w; ++q) {
      const bool together = tile == 0 || (p / tile == row / tile && q / tile == column / tile);
      if (together && !std::isfinite(values[i - static_cast<std::size_t>((row - p) * w + column - q)])) return true;
    }
  return false;
}

double largest_number(const std::vector<double>& values) {
  double largest = 1;
  for (const double value : values)
    if (std::isfinite(value)) largest = std::max(largest, std::abs(value));
  return largest;
}

/// Elements of the same class, and numbers close to each other.
void expect_alike(const Tensor& got, const Tensor& expected, const std::string& what, const Freedom& free = {}) {
  const std::vector<double> a = doubles(got), b = doubles(expected);
  ASSERT_EQ(a.size(), b.size()) << what;
  const double tolerance = 1e-4 * largest_number(b);
  const bool lost = free.infinities == Infinities::may_be_lost, loose = free.infinities != Infinities::stay;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const bool finite = std::isfinite(b[i]);
    if (finite ? lost || std::abs(a[i] - b[i]) <= tolerance
               : class_of(a[i]) == class_of(b[i]) || (loose && !std::isfinite(a[i])))
      continue;
    if (free.spread && !std::isfinite(a[i]) && in_spoilt_tile(b, got.shape(), i, *free.spread)) continue;
    ADD_FAILURE() << what << ": element " << i << " of " << got.shape().str() << " is " << a[i] << "; expected "
                  << b[i];
    return;
  }
}

class NonFinite : public testing::TestWithParam<NonFiniteCase> {
 protected:
  static void SetUpTestSuite() { register_reference_device(); }
};

TEST_P(NonFinite, IsWhatTheReferenceSays) {
  Attacked attacked(GetParam(), device_channels);
  const std::vector<Var> results = attacked.results();
  for (const std::string& target : attacked.targets())
    for (const std::size_t place : attacked_places(attacked.value(target).shape()))
      for (const auto& [name, number] : attacks) {
        const Tensor before = attacked.value(target);
        set(attacked.value(target), place, number);
        const std::vector<Tensor> expected = attacked.evaluate(results, Device::reference());
        const std::vector<Tensor> got = attacked.evaluate(results, device_under_test());
        attacked.value(target) = before;
        for (std::size_t i = 0; i < results.size(); ++i)
          expect_alike(got[i], expected[i],
                       name + " at " + std::to_string(place) + " of " + target + ", " +
                           (i == 0 ? "y" : "gradient " + std::to_string(i - 1)),
                       freedom_of(GetParam(), number));
      }
}

/// A node of an attacked case by itself.
struct AttackedNode {
  OpPtr op;
  std::vector<KernelInput> inputs;
};

std::vector<AttackedNode> attacked_nodes(const NonFiniteCase& test) {
  Attacked attacked(test, device_channels);
  const std::vector<std::string>& types = test.attacks;
  std::vector<AttackedNode> nodes;
  std::vector<ValueId> wanted;
  for (const Var var : attacked.results()) wanted.push_back(var.id());
  const FusedGraph fused = fuse(attacked.graph, wanted, nullptr);  // what evaluate() runs
  for (NodeId id = 0; id < fused.graph->nodes(); ++id) {
    const Node& node = fused.graph->node(id);
    if (std::find(types.begin(), types.end(), node.op->type()) == types.end()) continue;
    std::vector<Var> vars;
    for (const ValueId input : node.inputs) vars.push_back(fused.graph->var(input));
    const std::vector<Tensor> values = attacked.evaluate(vars, Device::reference());
    AttackedNode& made = nodes.emplace_back(AttackedNode{node.op, {}});
    for (std::size_t i = 0; i < vars.size(); ++i)
      made.inputs.push_back({values[i], vars[i].scope(), {}, vars[i].spec()});
  }
  return nodes;
}

/// The inputs with their maps in a layout.
std::vector<KernelInput> lying(std::vector<KernelInput> inputs, const Layout& layout) {
  for (KernelInput& input : inputs)
    if (input.scope == Scope::sample && !input.spec->by_product && input.value.shape().rank() == 4)
      input.layout = layout;
  return inputs;
}

const std::vector<Layout> layouts = {Layout(), Layout::channels_last(), Layout::channel_blocked(8),
                                     Layout::channel_blocked(16)};

void attack_node(AttackedNode node, std::size_t input, const NonFiniteCase& test) {
  Tensor& value = node.inputs[input].value;
  for (const std::size_t place : attacked_places(value.shape()))
    for (const auto& [name, number] : attacks) {
      const Tensor before = value;
      set(value, place, number);
      const KernelResult expected = run_kernel({.op = node.op, .inputs = node.inputs, .device = Device::reference()});
      for (const Layout& layout : layouts) {
        const std::string what = std::string(node.op->type()) + " with " + name + " at " + std::to_string(place) +
                                 " of input " + std::to_string(input) + ", layout " + layout.str(4);
        SCOPED_TRACE(what);
        const KernelResult got = run_kernel({.op = node.op, .inputs = lying(node.inputs, layout)});
        for (std::size_t o = 0; o < got.outputs.size(); ++o)
          expect_alike(got.outputs[o], expected.outputs[o], what + ", output " + std::to_string(o),
                       freedom_of(test, number));
      }
      value = before;
      if (testing::Test::HasFailure()) return;  // the rest fails alike
    }
}

// run_kernel also sees that the padding of results stays zero, in which a NaN would wait for the next sum.
TEST_P(NonFinite, KeepsItsClassInEveryLayout) {
  for (const AttackedNode& node : attacked_nodes(GetParam()))
    for (std::size_t i = 0; i < node.inputs.size(); ++i)
      if (is_floating(node.inputs[i].spec->dtype)) attack_node(node, i, GetParam());
}

TEST_P(NonFinite, CaseAttacksWhatItSays) {
  std::set<std::string> seen;
  for (const AttackedNode& node : attacked_nodes(GetParam())) seen.emplace(node.op->type());
  for (const std::string& type : GetParam().attacks) EXPECT_TRUE(seen.contains(type)) << "no node of type " << type;
}

INSTANTIATE_TEST_SUITE_P(Cases, NonFinite, testing::ValuesIn(non_finite_cases()), [](const auto& info) {
  std::string name = info.param.name;
  for (char& c : name)
    if (!std::isalnum(static_cast<unsigned char>(c))) c = '_';
  return name;
});

/// A line of non_finite_goldens.txt: what PyTorch makes of an attack.
struct Golden {
  std::string name, attack, target;
  std::size_t place = 0;
  std::vector<std::string> classes;  ///< of y and the gradients, spelt out
};

std::string spelt_out(const std::string& runs) {
  std::string all;
  std::istringstream text(runs);
  std::size_t count = 0;
  for (char c = 0; text >> count >> c;) all += std::string(count, c);
  return all;
}

std::vector<Golden> goldens() {
  std::ifstream file(std::string(SLUICE_SOURCE_DIR) + "/tests/kernels/non_finite_goldens.txt");
  std::vector<Golden> goldens;
  for (std::string line; std::getline(file, line);) {
    std::vector<std::string> fields;
    for (std::size_t begin = 0, end = 0; end != std::string::npos; begin = end + 3) {
      end = line.find(" | ", begin);
      fields.push_back(line.substr(begin, end - begin));
    }
    Golden golden{fields.at(0), fields.at(1), fields.at(2), std::stoul(fields.at(3)), {}};
    for (std::size_t i = 4; i < fields.size(); ++i) golden.classes.push_back(spelt_out(fields[i]));
    goldens.push_back(std::move(golden));
  }
  return goldens;
}

/// NaN attacks give the classes that PyTorch gives; of infinities a formula decides.
void expect_classes(const Tensor& got, const std::string& expected, const NonFiniteCase& test, const Golden& golden,
                    const std::string& what) {
  const bool of_nan = golden.attack == "nan", further = test.goes_further.contains(golden.target);
  const bool lost = !of_nan && test.infinities == Infinities::may_be_lost;
  const std::vector<double> values = doubles(got);
  ASSERT_EQ(values.size(), expected.size()) << what;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const char is = class_of(values[i]);
    const bool same = of_nan && !further ? is == expected[i] : (is == '.') == (expected[i] == '.');
    if (!same && !(is == '.' ? lost : further)) {
      ADD_FAILURE() << what << ": element " << i << " is " << values[i] << "; PyTorch: " << expected[i];
      return;
    }
  }
}

TEST(NonFiniteCases, HaveAGoldenOrAReason) {
  std::set<std::string> golden;
  for (const Golden& line : goldens()) golden.insert(line.name);
  for (const NonFiniteCase& test : non_finite_cases())
    EXPECT_NE(golden.contains(test.name), without_golden.contains(test.name)) << test.name;
}

TEST_P(NonFinite, OfTheReferenceIsWhatPyTorchSays) {
  Attacked attacked(GetParam(), golden_channels);
  const std::vector<Var> results = attacked.results();
  for (const Golden& golden : goldens()) {
    if (golden.name != GetParam().name) continue;
    const Tensor before = attacked.value(golden.target);
    set(attacked.value(golden.target), golden.place, attacks.at(golden.attack));
    const std::vector<Tensor> got = attacked.evaluate(results, Device::reference());
    attacked.value(golden.target) = before;
    ASSERT_EQ(got.size(), golden.classes.size()) << golden.name;
    for (std::size_t i = 0; i < got.size(); ++i)
      expect_classes(got[i], golden.classes[i], GetParam(), golden,
                     golden.attack + " at " + std::to_string(golden.place) + " of " + golden.target + ", " +
                         (i == 0 ? "y" : "gradient " + std::to_string(i - 1)));
  }
}

TEST(NonFiniteReorder, KeepsItsClassInEveryLayout) {
  for (const auto& [name, number] : attacks) {
    Tensor value = random_tensor({3, 20, 4, 6}, DType::f32, -1, 1, 1);
    for (const std::size_t place : attacked_places(value.shape())) set(value, place, number);
    for (const Layout& from : layouts)
      for (const Layout& to : layouts)
        expect_alike(run_kernel({.op = std::make_shared<ReorderOp>(),
                                 .inputs = {{.value = value, .scope = Scope::batch, .layout = from}},
                                 .pinned_output = to})
                         .outputs[0],
                     value, name + ", " + from.str(4) + " to " + to.str(4));
  }
}

// What `sluice ops` lists.
TEST(NonFiniteCases, AttackEveryOp) {
  std::set<std::string> attacked;
  for (const NonFiniteCase& test : non_finite_cases()) attacked.insert(test.attacks.begin(), test.attacks.end());
  for (const std::string& type : device_under_test().backend().kernels().types())
    EXPECT_TRUE(attacked.contains(type) || left_out.contains(type))
        << "no NaN case for op " << type << "; expected one in tests/support/non_finite_cases.cpp";
}

}  // namespace
}  // namespace sluice::test
