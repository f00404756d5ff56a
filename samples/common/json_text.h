#pragma once

#include <string>

#include <nlohmann/json.hpp>

namespace sluice::samples {

/// A file of JSON for people to read. Names come from users: bytes that are no UTF-8 are replaced, where nlohmann would
/// throw and cost them the file.
inline std::string json_text(const nlohmann::ordered_json& json) {
  return json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + '\n';
}

}  // namespace sluice::samples
