#include <sluice/kernels/cudnn/engine.h>

namespace sluice::cudnn {

std::string Engine::str() const {
  std::string text = "engine " + std::to_string(index);
  for (std::size_t i = 0; i < knobs.size(); ++i)
    text += (i ? " " : " (") + std::to_string(knobs[i].first) + ":" + std::to_string(knobs[i].second);
  return text + (knobs.empty() ? "" : ")");
}

}  // namespace sluice::cudnn
