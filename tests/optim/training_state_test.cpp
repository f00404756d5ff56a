#include <sluice/optim/training_state.h>

#include <gtest/gtest.h>

#include <sluice/core/error.h>
#include <sluice/optim/sgd.h>

namespace sluice::test {
namespace {

Tensor number(float value) { return Tensor::of<float>({1}, {value}); }

class Home final : public StateHome {
 public:
  Tensor read(const std::string& parameter, const std::string& state) const override {
    return number(parameter == "w" && state == "velocity" ? velocity : -1.0f);
  }
  void write(const std::string&, const std::string&, const Tensor& value) override {
    velocity = value.values<float>()[0];
  }
  float velocity = 5;
};

TEST(TrainingState, TensorsAreReadWhereTheyLive) {
  TrainingState state;
  EXPECT_THROW(state.tensor("w", "velocity"), UsageError);
  state.put_on_host({"w", "velocity"}, number(1));
  state.put_on_host({"frozen", "velocity"}, number(2));
  EXPECT_EQ(state.tensor("w", "velocity").values<float>()[0], 1);

  Home home;
  state.set_home(&home, std::vector<TrainingState::Key>{{"w", "velocity"}});
  EXPECT_EQ(state.tensor("w", "velocity").values<float>()[0], 5);
  EXPECT_EQ(state.on_host({"w", "velocity"}), nullptr);
  EXPECT_EQ(state.tensor("frozen", "velocity").values<float>()[0], 2);
  EXPECT_EQ(state.keys(), (std::vector<TrainingState::Key>{{"frozen", "velocity"}, {"w", "velocity"}}));

  state.set_home(nullptr, {});
  state.put_on_host({"w", "velocity"}, number(6));
  EXPECT_EQ(state.tensor("w", "velocity").values<float>()[0], 6);
  try {
    state.tensor("w", "moment");
    ADD_FAILURE();
  } catch (const UsageError& error) {
    EXPECT_NE(std::string(error.what()).find("w velocity"), std::string::npos) << error.what();
  }
}

TEST(TrainingState, TensorsAreReplacedWhereTheyLive) {
  TrainingState state;
  state.put_on_host({"frozen", "velocity"}, number(2));
  Home home;
  const TrainingState::Key key{"w", "velocity"};
  state.set_home(&home, std::vector{key});
  EXPECT_THROW(state.replace({}), UsageError);  // the slab has no value of its own to go back to
  EXPECT_THROW(state.replace({{key, Tensor({7})}}), UsageError);
  EXPECT_EQ(state.keys().size(), 2u);
  state.replace({{key, number(3)}, {{"other", "velocity"}, number(4)}});
  EXPECT_EQ(home.velocity, 3);
  EXPECT_EQ(state.tensor("w", "velocity").values<float>()[0], 3);
  EXPECT_EQ(state.tensor("other", "velocity").values<float>()[0], 4);
  EXPECT_THROW(state.tensor("frozen", "velocity"), UsageError);
}

TEST(TrainingState, AnOptimizerHasOneForEveryModel) {
  Sgd sgd({.lr = 0.1});
  std::vector<Parameter> a{Parameter(number(1), "a"), Parameter(number(1), "b")}, b{Parameter(number(1), "a")};
  sgd.training_state(a)->step = 7;
  EXPECT_EQ(sgd.training_state(b)->step, 0);
  EXPECT_EQ(sgd.training_state(a)->step, 7);
  a[0].set_trainable(false);
  EXPECT_EQ(sgd.training_state(a)->step, 7);
  // Another model, though it shares a layer: tensors of the same name are not its own.
  const std::vector<Parameter> changed{a[0], Parameter(number(1), "b")};
  EXPECT_EQ(sgd.training_state(changed)->step, 0);
  EXPECT_EQ(sgd.training_state(a)->step, 7);

  Sgd copy = sgd;
  EXPECT_EQ(copy.training_state(a)->step, 0);
  sgd.reset();
  EXPECT_EQ(sgd.training_state(a)->step, 0);
}

}  // namespace
}  // namespace sluice::test
