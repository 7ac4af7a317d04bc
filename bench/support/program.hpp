// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>

#include "options.hpp"
#include "sides.hpp"

namespace bench {

/// One half of a program with two sides, which meet at the socket of this path.
using Half = std::function<void(Side&, const Options&, const std::string& path)>;

/// Runs `serve` as the side "server", and once that is ready `ask` as the side "client", to the end
/// of both. Fails when they counted different numbers of messages, or none.
void run_halves(Sides& sides, const Options& options, const Half& serve, const Half& ask);

}  // namespace bench
