// SPDX-License-Identifier: Apache-2.0
//
// The main() of every unit test executable: around each test, nothing may be left behind and
// nothing may hang.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <thread>

#include "support/faults.hpp"
#include "support/inventory.hpp"
#include "support/watchdog.hpp"

namespace {

using namespace hallway::test;

class AroundEachTest : public testing::EmptyTestEventListener {
  void OnTestStart(const testing::TestInfo& test) override {
    watchdog_.start(std::string(test.test_suite_name()) + "." + test.name());
    before_ = Inventory::take();
  }

  void OnTestEnd(const testing::TestInfo& test) override {
    const std::string left_behind = lasting_difference(before_);
    watchdog_.stop();
    if (!left_behind.empty())
      ADD_FAILURE() << test.name() << " left things changed:\n" << left_behind;
    if (faults_are_active()) ADD_FAILURE() << test.name() << " left a fault in place";
  }

  Watchdog watchdog_;
  Inventory before_;
};

}  // namespace

int main(int argc, char** argv) {
  testing::InitGoogleMock(&argc, argv);
  // The thread sanitizer starts a thread of its own with the first one; tests count threads.
  std::thread([] {}).join();
  // Behind the printer: ends are told in reverse order, so a test is judged before it is printed.
  testing::UnitTest::GetInstance()->listeners().Append(new AroundEachTest);
  return RUN_ALL_TESTS();
}
