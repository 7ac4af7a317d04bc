// SPDX-License-Identifier: Apache-2.0
//
// The work `clients`: one publisher and --subscribers that get everything, in one program that is
// made with a client library of NATS and nothing else. --mode says which library: `libnats` or
// `go`. Each of them has a connection of its own, and each subscriber checks the number of every
// message. The publisher is at most a window ahead of the slowest subscriber.
#pragma once

#include <cstdint>
#include <functional>

#include "directory.hpp"
#include "options.hpp"

namespace bench {

/// Runs the broker that `make` returns, which listens at a port of loopback, and the clients, and
/// prints the line. Whatever the broker keeps is in the directory.
int run_clients(int argc, char** argv,
                const std::function<std::function<void()>(const Options&, const Directory&,
                                                          std::uint16_t port)>& make);

}  // namespace bench
