// SPDX-License-Identifier: Apache-2.0
//
// What the library is for, once each and from beginning to end: the stage on which every system
// call and every allocation is made to fail.
#pragma once

#include <iosfwd>
#include <span>
#include <string>

#include <hallway/error.hpp>
#include <hallway/limits.hpp>

#include "support/watchdog.hpp"

namespace hallway::test {

struct Scenario {
  const char* title;
  /// Everything it makes is gone when it returns. `directory` is empty and writable.
  Result<void> (*run)(const std::string& directory);
  bool stream = true;      ///< bytes may arrive in pieces, so that a short call is no lost message
  const char* name = "s";  ///< the one name it may bind there
  bool takeover = false;   ///< it binds a control socket, too
  unsigned threads = 0;    ///< of in_thread(), which wait for more work when it has ended
};

std::span<const Scenario> all_scenarios();

/// The operation of an Error that only a scenario itself reports: an answer was not the one asked
/// for. The one way to end that no fault excuses.
inline constexpr const char* wrong_answer = "wrong answer";

/// How long a peer of a scenario waits for an answer, which may be lost for a fault that did not
/// happen to it. Longer than anything takes that still comes, if the machine does not stand still;
/// far below what the watchdog allows a test.
constexpr Duration usual_limit =
    sanitized ? std::chrono::seconds(1) : std::chrono::milliseconds(50);
/// The same where a server cannot accept: it tries again after a tenth of a second.
constexpr Duration accepting_limit =
    sanitized ? std::chrono::seconds(1) : std::chrono::milliseconds(150);

/// Runs it. What it throws because its loop cannot work is an Error as any other.
Result<void> run(const Scenario& scenario, const std::string& directory,
                 Duration limit = accepting_limit);

/// What keeps the next start from working in a directory where a scenario ran, or stays there
/// after it; empty when nothing.
std::string obstacle_to_a_next_start(const Scenario& scenario, const std::string& directory);

void PrintTo(const Scenario& scenario, std::ostream* out);

}  // namespace hallway::test
