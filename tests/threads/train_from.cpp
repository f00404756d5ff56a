// Trains a small net from an unusual place and prints the threads it was planned for and a hash of its weights:
//
//   train_from THREADS PLACE [OTHER_THREADS]
//
// threads.sh says which of these must agree. A run that waits for ever is ended by that script.

#include <cstdio>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <map>
#include <memory>
#include <string>
#include <thread>

#include <omp.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sluice/core/error.h>
#include <sluice/core/evaluate.h>
#include <sluice/data/tensor_dataset.h>
#include <sluice/sluice.h>

#include "models/lenet.h"
#include "support/tensors.h"

namespace sluice::test {
namespace {

constexpr std::int64_t samples = 24;

TensorDataset made_up_images() {
  Tensor labels({samples}, DType::i32);
  for (std::size_t i = 0; std::int32_t & label : labels.values<std::int32_t>())
    label = static_cast<std::int32_t>(i++ % 10);
  return TensorDataset(
      "made-up", {{"image", random_tensor({samples, 1, 28, 28}, DType::f32, -1, 1, 7)}, {"label", std::move(labels)}});
}

/// A net with its trainer.
class Run {
 public:
  explicit Run(int threads)
      : trainer_(net_, sgd_,
                 [this](const Batch& batch) {
                   const Var logits = net_(batch["image"]);
                   batch.output("logits", logits);
                   return cross_entropy(logits, batch["label"]);
                 },
                 data_.spec(), {.batch = 16, .micro_batch = 4, .device = Device::cpu(), .threads = threads}) {}

  void train() {
    for (int epoch = 0; epoch < 2; ++epoch) trainer_.run_epoch(data_);
    trainer_.evaluate(data_);
    trainer_.predict(data_, "logits");
  }
  void print() const { std::cout << trainer_.options().threads << ' ' << trainer_.weights_hash() << std::endl; }

 private:
  TensorDataset data_ = made_up_images();
  samples::LeNet net_;
  Sgd sgd_{SgdOptions{.lr = 0.1, .momentum = 0.9}};
  Trainer trainer_;
};

void on_a_thread(const std::function<void()>& work) { std::thread(work).join(); }

void in_a_region(const std::function<void()>& work) {
#pragma omp parallel num_threads(2)
  {
#pragma omp single
    work();
  }
}

void plan_train_and_print(int threads) {
  Run run(threads);
  run.train();
  run.print();
}

/// Work that a child process does; its exit status is passed on.
int in_a_child(const std::function<int()>& work) {
  const pid_t child = fork();
  if (child == 0) {
    const int status = work();
    std::cout << std::flush;
    _exit(status);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int reported(const std::function<void()>& work) {
  try {
    work();
    return 0;
  } catch (const Error& error) {
    std::cerr << error.what() << '\n';
    return 1;
  }
}

/// What evaluate() gives, which plans and runs where it is called.
void evaluate_in_a_region() {
  Graph graph;
  samples::LeNet net;
  initialize(net, 1);
  const Var loss = cross_entropy(net(graph.input("x", {1, 28, 28})), graph.input("y", {}, DType::i32));
  const std::map<std::string, Tensor> inputs{{"x", random_tensor({4, 1, 28, 28}, DType::f32, -1, 1, 7)},
                                             {"y", Tensor({4}, DType::i32)}};
  const auto value = [&] { return evaluate(loss, inputs, {.device = Device::cpu()}).values<float>()[0]; };
  float outside = value(), inside = 0;
  in_a_region([&] { inside = value(); });
  if (outside != inside) throw Error("evaluate: another value inside a parallel region");
  std::cout << "same\n";
}

int run(int threads, const std::string& place, int other) {
  const auto plain = [threads] { plan_train_and_print(threads); };
  const std::map<std::string, std::function<int()>> places{
      {"main", [&] { return reported(plain); }},
      {"thread",
       [&] {
         int status = 1;
         on_a_thread([&] { status = reported(plain); });
         return status;
       }},
      {"planned_on_main_run_on_thread",
       [&] {
         return reported([&] {
           Run run(threads);
           int status = 1;
           on_a_thread([&] { status = reported([&] { run.train(); }); });
           if (status == 0) run.print();
         });
       }},
      {"after_another",
       [&] {
         return reported([&] {
           Run run(threads), another(other);
           another.train();
           run.train();
           run.print();
         });
       }},
      {"region",
       [&] {
         int status = 1;
         in_a_region([&] { status = reported(plain); });
         return status;
       }},
      {"planned_on_main_run_in_region",
       [&] {
         return reported([&] {
           Run run(threads);
           int status = 1;
           in_a_region([&] { status = reported([&] { run.train(); }); });
           if (status == 0) run.print();
         });
       }},
      {"openmp_set_to_other",
       [&] {
         return reported([&] {
           Run run(threads);
           omp_set_num_threads(other);
           run.train();
           run.print();
           if (omp_get_max_threads() != other) throw Error("the application's number of threads was changed");
         });
       }},
      {"levels_taken_away_after_planning",
       [&] {
         return reported([&] {
           Run run(threads);
           omp_set_max_active_levels(0);
           run.train();
           run.print();
         });
       }},
      {"child_after_run",
       [&] {
         reported(plain);
         return in_a_child([&] { return reported(plain); });
       }},
      {"child_before_run", [&] { return in_a_child([&] { return reported(plain); }); }},
      {"child_after_own_region",
       [&] {
         int team = 0;
         in_a_region([&] { team = omp_get_num_threads(); });
         static_cast<void>(team);
         return in_a_child([&] { return reported(plain); });
       }},
      {"evaluate_in_region", [&] { return reported(evaluate_in_a_region); }},
  };
  return places.at(place)();
}

}  // namespace
}  // namespace sluice::test

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  return sluice::test::run(std::atoi(argv[1]), argv[2], argc > 3 ? std::atoi(argv[3]) : 0);
}
