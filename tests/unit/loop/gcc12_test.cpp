// SPDX-License-Identifier: Apache-2.0
//
// The coroutines that GCC before 13 miscompiles: they work, or are refused when they start.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>

#include <hallway/loop.hpp>

#include "support/refusal.hpp"
#include "support/waiting.hpp"

namespace hallway {
namespace {

using namespace test;

Task<bool> yes() { co_return true; }

Task<bool> yes_later(Loop& loop) {
  co_await loop.sleep(1ms);
  co_return true;
}

/// Without a local variable: this is what GCC 12 miscompiles.
Task<bool> if_not() {
  if (!co_await yes()) co_return false;
  co_return true;
}

Task<bool> if_plain() {
  if (co_await yes()) co_return true;
  co_return false;
}

Task<bool> if_later(Loop& loop) {
  if (!co_await yes_later(loop)) co_return false;
  co_return true;
}

Task<int> count_while(int& left) {
  while (co_await yes()) {
    if (--left == 0) co_return 1;
  }
  co_return 0;
}

Task<int> choose() {
  switch (co_await yes() ? 1 : 0) {
    case 1: co_return 1;
    default: co_return 0;
  }
}

// The forms that task.hpp names instead.
Task<bool> if_with_a_name() {
  if (const bool ok = co_await yes(); !ok) co_return false;
  co_return true;
}

Task<int> while_with_a_name() {
  const auto next = [](int& at) -> Task<std::optional<int>> {
    co_return at < 3 ? std::optional<int>(at++) : std::nullopt;
  };
  int at = 0;
  int sum = 0;
  while (const auto value = co_await next(at)) sum += *value;
  co_return sum;
}

Task<bool> if_with_a_local_variable(std::string text) {
  const std::string copy = text + "!";
  if (!co_await yes()) co_return false;
  co_return copy == text + "!";
}

/// Runs a task that gives `value`, or is refused.
template <typename T, typename Make>
void works_or_is_refused(T value, Make make) {
  const std::string end = refusal_of([&] {
    Loop loop;
    const T got = loop.run(make(loop));
    if (got == value) std::fputs("works", stderr);
    std::abort();
  });
  if (HALLWAY_GCC12_COROUTINES) {
    EXPECT_THAT(end, testing::AnyOf(testing::Eq("works"),
                                    testing::HasSubstr("has miscompiled the coroutine")));
  } else {
    EXPECT_EQ(end, "works");
  }
}

TEST(condition_with_co_await, works_or_is_refused) {
  works_or_is_refused(true, [](Loop&) { return if_not(); });
  works_or_is_refused(true, [](Loop&) { return if_plain(); });
  works_or_is_refused(true, [](Loop& loop) { return if_later(loop); });
  works_or_is_refused(1, [](Loop&) { return choose(); });
  works_or_is_refused(1, [](Loop&) {
    static int left = 3;
    return count_while(left);
  });
}

#if HALLWAY_GCC12_COROUTINES
TEST(condition_with_co_await, that_is_bare_is_refused_with_a_way_out) {
  EXPECT_THAT(refusal_of([] {
                Loop loop;
                loop.run([]() -> Task<> {
                  const bool result = co_await if_not();
                  (void)result;
                }());
              }),
              testing::AllOf(testing::HasSubstr("gcc12_test.cpp:"),
                             testing::HasSubstr("if (const bool ok = co_await f(); !ok)")));
}
#endif

TEST(condition_with_co_await, works_in_the_forms_that_the_header_names) {
  Loop loop;
  EXPECT_TRUE(loop.run(if_with_a_name()));
  EXPECT_EQ(loop.run(while_with_a_name()), 3);
  EXPECT_TRUE(loop.run(if_with_a_local_variable("a text that is too long for a small string")));
}

}  // namespace
}  // namespace hallway
