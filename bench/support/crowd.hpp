// SPDX-License-Identifier: Apache-2.0
//
// The work `crowd`: many connections at one server, which sends back whatever it gets. The clients
// are the same for every server.
//
//   --mode visits  clients come, say one byte, hear it again and go: as many at a time as
//                  --connections says, each new one when the oldest has gone
//   --mode idle    --connections that have said one byte each and are quiet now: what they keep of
//                  the server's memory in user space
//   --mode active  --connections of which a hundred ask, each its next question when the last one
//                  was answered: how long an answer takes among those that are only there
#pragma once

#include <functional>
#include <string>

#include "options.hpp"
#include "sides.hpp"

namespace bench {

/// Listens at `path` and serves until the process is ended.
using Serve = std::function<void(const Options& options, const std::string& path)>;

/// Runs the server and its clients and prints the line.
int run_crowd(int argc, char** argv, const Serve& serve);

}  // namespace bench
