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
    return number(parameter == "w" && state == "velocity" ? 5.0f : -1.0f);
  }
};

TEST(TrainingState, TensorsAreReadWhereTheyLive) {
  TrainingState state;
  EXPECT_THROW(state.tensor("w", "velocity"), UsageError);
  state.put_on_host({"w", "velocity"}, number(1));
  state.put_on_host({"frozen", "velocity"}, number(2));
  EXPECT_EQ(state.tensor("w", "velocity").values<float>()[0], 1);

  const Home home;
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
