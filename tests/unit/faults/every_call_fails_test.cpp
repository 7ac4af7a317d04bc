// SPDX-License-Identifier: Apache-2.0
//
// Every scenario, again and again: each time another of its system calls fails once, with each
// errno the kernel could give there; is interrupted by a signal; or moves a single byte. Whatever
// comes of it is a recovery or an error that explains itself, nothing hangs, and nothing is left.
#include <gtest/gtest.h>

#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "support/errnos.hpp"
#include "support/faults.hpp"
#include "support/inventory.hpp"
#include "support/temp_directory.hpp"
#include "support/watchdog.hpp"
#include "unit/faults/c_scenarios.hpp"
#include "unit/faults/scenarios.hpp"

namespace hallway {
namespace {

using namespace test;
using sys::Call;

// Of one run; far more than it takes on a busy machine.
constexpr unsigned most_seconds = 30;

class every_call : public testing::TestWithParam<Scenario> {
 protected:
  /// Runs the scenario once, under `name`. Gives what came of it.
  Result<void> run_once(const std::string& name, Duration limit = usual_limit) {
    ++runs_;
    watchdog_.start(GetParam().title + (": " + name), most_seconds);
    const TempDirectory directory;
    Inventory before = Inventory::take();
    // The thread that closes strangers' descriptors waits a little for more; whether it ends is
    // looked at around the whole test.
    before.threads = threads_before_ + 1;
    auto ended = run(GetParam(), directory.path(), limit);
    EXPECT_EQ(lasting_difference(before), "") << name;
    if (!ended) {
      const Error& error = ended.error();
      EXPECT_NE(error.operation, wrong_answer) << name << ": " << error.subject;
      EXPECT_FALSE(error.operation.empty() || error.subject.empty()) << name;
      EXPECT_TRUE(error.code) << name << ": " << error.explain();
    }
    {
      const Faultless undisturbed;
      EXPECT_EQ(obstacle_to_a_next_start(GetParam(), directory.path()), "") << name;
    }
    return ended;
  }

  /// How many calls of each kind the scenario makes, if nothing fails.
  std::map<Call, unsigned> count_calls() {
    std::map<Call, unsigned> calls;
    until_it_works("nothing fails", [&] {
      std::vector<std::unique_ptr<CallCount>> counts;
      for (const Call call : all_calls()) counts.push_back(std::make_unique<CallCount>(call));
      auto ended = run_once("nothing fails");
      for (const auto& count : counts) calls[count->call()] = count->calls();
      return ended;
    });
    return calls;
  }

  /// A fault that passes has to be recovered from.
  template <typename Fault, typename... Arguments>
  void recovers(const std::string& name, Arguments... arguments) {
    until_it_works(name, [&] {
      const Fault fault(arguments...);
      return run_once(name);
    });
  }

  /// A machine that stands still for a moment makes a deadline of the scenario pass. It does not
  /// do so ten times in a row.
  template <typename Attempt>
  static void until_it_works(const std::string& name, Attempt attempt) {
    Result<void> ended = attempt();
    for (int again = 0; !ended && again < 9; ++again) ended = attempt();
    EXPECT_TRUE(ended) << name << ": " << ended.error().explain();
  }

  Watchdog watchdog_;
  const std::size_t threads_before_ = Inventory::take().threads;
  int runs_ = 0;
};

TEST_P(every_call, may_fail_once) {
  for (const auto& [call, times] : count_calls()) {
    for (unsigned nth = 1; nth <= times && !HasFailure(); ++nth) {
      const std::string site = name_of(call) + (" #" + std::to_string(nth) + " ");
      for (const int error : errnos_of(call)) {
        if (error == EINTR) {
          recovers<FaultOn>(site + "EINTR", call, nth, EINTR);
        } else {
          const FaultOn fault(call, nth, error);
          // It may fail: run_once() looks at what is left.
          (void)run_once(site + errno_name(error),
                         call == Call::accept ? accepting_limit : usual_limit);
        }
      }
      const bool can_be_short = call == Call::sendmsg || call == Call::recvmsg;
      if (can_be_short && GetParam().stream) recovers<ShortOn>(site + "1 byte", call, nth);
    }
  }
  std::printf("%s: %d runs\n", GetParam().title, runs_);
}

INSTANTIATE_TEST_SUITE_P(of, every_call, testing::ValuesIn(all_scenarios()),
                         [](const auto& scenario) { return std::string(scenario.param.title); });
INSTANTIATE_TEST_SUITE_P(in_c, every_call, testing::ValuesIn(c_scenarios()),
                         [](const auto& scenario) { return std::string(scenario.param.title); });

}  // namespace
}  // namespace hallway
