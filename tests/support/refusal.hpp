// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>

namespace hallway::test {

/// Runs `work` in a forked child, and returns what it printed on stderr before it ended itself by
/// SIGABRT. If it ended otherwise: how.
std::string refusal_of(const std::function<void()>& work);

}  // namespace hallway::test
