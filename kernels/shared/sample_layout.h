#pragma once

#include <optional>

#include <sluice/core/kernel.h>

namespace sluice {

/// How one sample of a value lies: `bca` of a value [N,C,H,W] in `acdb`. Empty where samples are no runs of memory.
std::optional<Layout> layout_of_sample(const LoweredValue& value);

/// How samples lie one after the other, each in `layout`: `acdb` for samples [C,H,W] in `bca`. Empty for a layout that
/// splits its first dimension into groups.
std::optional<Layout> layout_of_samples(const Layout& layout);

}  // namespace sluice
