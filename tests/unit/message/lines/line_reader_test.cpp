// SPDX-License-Identifier: Apache-2.0
#include <hallway/line_reader.hpp>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <hallway/event.hpp>
#include <hallway/when_any.hpp>

#include "support/faults.hpp"
#include "support/temp_directory.hpp"
#include "support/waiting.hpp"

namespace hallway {
namespace {

using namespace test;

/// A pipe whose reading end a LineReader has.
class LineReaderTest : public testing::Test {
 protected:
  LineReaderTest() {
    std::array<int, 2> ends{};
    EXPECT_EQ(pipe2(ends.data(), O_CLOEXEC), 0);
    from = Descriptor::adopt(ends[0]);
    to = Descriptor::adopt(ends[1]);
  }

  void type(const std::string& text) const {
    ASSERT_EQ(write(to.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }

  struct Log {
    std::vector<std::string> lines;
    std::optional<Outcome> end;
    std::string why;
  };

  static Task<> receive_all(LineReader& input, Log& log) {
    while (true) {
      auto line = co_await input.receive();
      if (!line) {
        log.end = line.outcome();
        log.why = line.error().explain();
        co_return;
      }
      log.lines.push_back(*line);
    }
  }

  Outcome receive_one(LineReader& input, Duration within) {
    return loop.run([](LineReader& from_here, Duration time) -> Task<Outcome> {
      const auto line = co_await from_here.receive(time);
      co_return line.outcome();
    }(input, within));
  }

  Loop loop;
  Descriptor from;
  Descriptor to;
  Log log;
};

TEST_F(LineReaderTest, gives_each_line_without_its_line_feed) {
  LineReader input(loop, from.get());
  loop.spawn(receive_all(input, log));
  type("a\n\nb c\r\nd");
  EXPECT_TRUE(run_until(loop, [&] { return log.lines.size() == 3; }));
  type("e\n");
  EXPECT_TRUE(run_until(loop, [&] { return log.lines.size() == 4; }));
  EXPECT_EQ(log.lines, (std::vector<std::string>{"a", "", "b c", "de"}));
  EXPECT_FALSE(log.end);
}

TEST_F(LineReaderTest, counts_a_last_line_without_a_line_feed) {
  LineReader input(loop, from.get());
  type("a\nlast");
  to.close();
  loop.run(receive_all(input, log));
  EXPECT_EQ(log.lines, (std::vector<std::string>{"a", "last"}));
  EXPECT_EQ(log.end, Outcome::end_of_stream);
  EXPECT_EQ(log.why, "read: the input has ended");
  EXPECT_EQ(receive_one(input, forever), Outcome::end_of_stream);
}

TEST_F(LineReaderTest, reads_a_file) {
  const TempDirectory directory;
  const std::string path = directory / "file";
  Descriptor file = Descriptor::adopt(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  std::string text;
  for (int i = 0; i < 50'000; ++i) text += "line " + std::to_string(i) + "\n";
  ASSERT_EQ(pwrite(file.get(), text.data(), text.size(), 0), static_cast<ssize_t>(text.size()));
  LineReader input(loop, std::move(file));
  loop.run(receive_all(input, log));
  EXPECT_EQ(log.end, Outcome::end_of_stream);
  ASSERT_EQ(log.lines.size(), 50'000U);
  EXPECT_EQ(log.lines.back(), "line 49999");
}

TEST_F(LineReaderTest, leaves_turns_to_others_while_it_reads_a_file) {
  LineReader input(loop, Descriptor::adopt(open("/dev/zero", O_RDONLY | O_CLOEXEC)),
                   {.max_message = 16 * mebibyte});
  loop.spawn(receive_all(input, log));
  bool posted = false;
  loop.post([&] { posted = true; });
  EXPECT_TRUE(run_until(loop, [&] { return posted; }));
  EXPECT_FALSE(log.end) << "a piece in a turn: the limit is not reached yet";
  EXPECT_TRUE(run_until(loop, [&] { return log.end.has_value(); }));
  EXPECT_EQ(log.end, Outcome::failed);
}

TEST_F(LineReaderTest, reads_what_is_typed_at_a_terminal) {
  const Descriptor keyboard = Descriptor::adopt(posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
  ASSERT_TRUE(keyboard.holds_one());
  ASSERT_EQ(grantpt(keyboard.get()), 0);
  ASSERT_EQ(unlockpt(keyboard.get()), 0);
  Descriptor terminal =
      Descriptor::adopt(open(ptsname(keyboard.get()), O_RDWR | O_NOCTTY | O_CLOEXEC));
  ASSERT_TRUE(terminal.holds_one());
  LineReader input(loop, std::move(terminal));
  loop.spawn(receive_all(input, log));
  ASSERT_EQ(write(keyboard.get(), "hel", 3), 3);
  loop.turn();
  ASSERT_EQ(write(keyboard.get(), "lo\nagain\n", 9), 9);
  EXPECT_TRUE(run_until(loop, [&] { return log.lines.size() == 2; }));
  EXPECT_EQ(log.lines, (std::vector<std::string>{"hello", "again"}));
  ASSERT_EQ(write(keyboard.get(), "\x04", 1), 1);  // the end of the input: Ctrl-D
  EXPECT_TRUE(run_until(loop, [&] { return log.end.has_value(); }));
  EXPECT_EQ(log.end, Outcome::end_of_stream);
}

TEST_F(LineReaderTest, leaves_the_descriptor_blocking) {
  LineReader input(loop, from.get());
  EXPECT_EQ(receive_one(input, 1ms), Outcome::timed_out);
  EXPECT_EQ(fcntl(from.get(), F_GETFL) & O_NONBLOCK, 0);
}

TEST_F(LineReaderTest, waits_where_the_descriptor_is_not_blocking) {
  ASSERT_EQ(fcntl(from.get(), F_SETFL, O_NONBLOCK), 0);
  LineReader input(loop, from.get());
  loop.spawn(receive_all(input, log));
  loop.turn();
  type("a\n");
  EXPECT_TRUE(run_until(loop, [&] { return log.lines.size() == 1; }));
}

TEST_F(LineReaderTest, closes_a_descriptor_that_it_owns) {
  const int number = from.get();
  {
    LineReader first(loop, std::move(from));
    const LineReader second = std::move(first);
    EXPECT_NE(fcntl(number, F_GETFD), -1);
  }
  EXPECT_EQ(fcntl(number, F_GETFD), -1);
}

TEST_F(LineReaderTest, gives_a_line_of_max_message_and_refuses_a_longer_one) {
  LineReader input(loop, from.get(), {.max_message = 5});
  loop.spawn(receive_all(input, log));
  type("12345\n12345\r\n123456\n");
  EXPECT_TRUE(run_until(loop, [&] { return log.end.has_value(); }));
  EXPECT_EQ(log.lines, (std::vector<std::string>{"12345", "12345"}));
  EXPECT_EQ(log.end, Outcome::failed);
  EXPECT_EQ(log.why,
            "read descriptor " + std::to_string(from.get()) + ": a line is longer than 5 bytes");
  EXPECT_EQ(receive_one(input, forever), Outcome::failed) << "from then on";
}

TEST_F(LineReaderTest, keeps_carriage_returns_where_that_is_asked_for) {
  LineReader input(loop, from.get(), {.max_message = 3, .keep_carriage_return = true});
  type("a\r\n\r\n\nab\r\nabc\r\n");
  loop.spawn(receive_all(input, log));
  EXPECT_TRUE(run_until(loop, [&] { return log.end.has_value(); }));
  EXPECT_EQ(log.lines, (std::vector<std::string>{"a\r", "\r", "", "ab\r"}));
  EXPECT_EQ(log.end, Outcome::failed) << "the carriage return counts";
  log = {};
  LineReader last(loop, from.get(), {.keep_carriage_return = true});
  type("b\r");
  to.close();
  loop.run(receive_all(last, log));
  EXPECT_EQ(log.lines, std::vector<std::string>{"b\r"});
}

TEST_F(LineReaderTest, refuses_a_long_line_before_its_end) {
  LineReader input(loop, from.get(), {.max_message = 5});
  loop.spawn(receive_all(input, log));
  type("1234567");
  EXPECT_TRUE(run_until(loop, [&] { return log.end.has_value(); }));
  EXPECT_EQ(log.end, Outcome::failed);
}

TEST_F(LineReaderTest, gives_a_line_longer_than_one_read) {
  LineReader input(loop, from.get());
  loop.spawn(receive_all(input, log));
  const std::string piece(10'000, 'x');
  for (int i = 0; i < 50; ++i) {
    type(piece);
    loop.turn();
  }
  type("\n");
  EXPECT_TRUE(run_until(loop, [&] { return log.lines.size() == 1; }));
  EXPECT_EQ(log.lines[0].size(), 500'000U);
}

TEST_F(LineReaderTest, reports_that_it_cannot_read) {
  LineReader closed(loop, Descriptor());
  loop.run(receive_all(closed, log));
  EXPECT_EQ(log.end, Outcome::failed);
  EXPECT_EQ(log.why, "read descriptor -1: Bad file descriptor");

  LineReader input(loop, from.get());
  type("a\n");
  const FaultOn fault(sys::Call::read, 1, EIO);
  EXPECT_EQ(receive_one(input, forever), Outcome::failed);
}

TEST_F(LineReaderTest, waits_where_the_kernel_has_no_room_for_a_watch) {
  LineReader input(loop, from.get());
  loop.turn();
  const FaultOn fault(sys::Call::epoll_ctl, 1, ENOSPC, 3);
  EXPECT_EQ(receive_one(input, 15ms), Outcome::timed_out);
  type("a\n");
  EXPECT_EQ(receive_one(input, forever), Outcome::ok);
}

TEST_F(LineReaderTest, times_out_and_keeps_the_beginning_of_a_line) {
  LineReader input(loop, from.get());
  type("beg");
  EXPECT_EQ(receive_one(input, 1ms), Outcome::timed_out);
  type("in\n");
  to.close();
  loop.run(receive_all(input, log));
  EXPECT_EQ(log.lines, std::vector<std::string>{"begin"});
}

TEST_F(LineReaderTest, gives_what_is_there_although_there_is_no_time) {
  LineReader input(loop, from.get());
  EXPECT_EQ(receive_one(input, Duration::zero()), Outcome::timed_out);
  type("a\n");
  EXPECT_EQ(receive_one(input, Duration::zero()), Outcome::ok);
}

TEST_F(LineReaderTest, ends_its_wait_when_the_loop_drains) {
  LineReader input(loop, from.get());
  type("a\nb");
  loop.spawn(receive_all(input, log));
  EXPECT_TRUE(run_until(loop, [&] { return log.lines.size() == 1; }));
  loop.drain(patience);
  EXPECT_EQ(loop.run(), 0);
  EXPECT_EQ(log.end, Outcome::closed);
  EXPECT_EQ(log.why, "read: the loop drains");
}

TEST_F(LineReaderTest, gives_the_lines_that_were_read_before_a_drain) {
  LineReader input(loop, from.get());
  type("a\nb\nc\n");
  loop.spawn([&]() -> Task<> {
    const auto line = co_await input.receive();
    if (line) log.lines.push_back(*line);
    loop.drain(patience);
    co_await receive_all(input, log);
  });
  EXPECT_EQ(loop.run(), 0);
  EXPECT_EQ(log.lines, (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_EQ(log.end, Outcome::closed);
}

TEST_F(LineReaderTest, loses_no_byte_when_a_receive_is_cancelled) {
  LineReader input(loop, from.get());
  auto racing = loop.spawn([&]() -> Task<> {
    for (const char* piece : {"a", "b\nc", "d\n", "e"}) {
      type(piece);
      const auto first = co_await when_any(input.receive(), loop.sleep(5ms));
      if (first.index() == 0) log.lines.push_back(*std::get<0>(first));
    }
  });
  EXPECT_TRUE(run_until(loop, [&] { return racing.done(); }));
  type("f\n");
  to.close();
  loop.run(receive_all(input, log));
  EXPECT_EQ(log.lines, (std::vector<std::string>{"ab", "cd", "ef"}));
}

TEST_F(LineReaderTest, loses_no_byte_when_the_other_side_of_a_race_is_first) {
  LineReader input(loop, from.get());
  Event ready(loop);
  std::size_t winner = 2;
  loop.spawn(
      [&]() -> Task<> { winner = (co_await when_any(input.receive(), ready.wait())).index(); });
  type("a\n");
  ready.set();  // in the same turn
  EXPECT_TRUE(run_until(loop, [&] { return winner != 2; }));
  to.close();
  loop.run(receive_all(input, log));
  EXPECT_EQ(log.lines.size(), winner == 0 ? 0U : 1U);
}

TEST_F(LineReaderTest, can_be_given_a_timeout_from_outside) {
  LineReader input(loop, from.get());
  const Outcome outcome = loop.run([](LineReader& lines) -> Task<Outcome> {
    co_return (co_await with_timeout(lines.receive(), 1ms)).outcome();
  }(input));
  EXPECT_EQ(outcome, Outcome::timed_out);
}

}  // namespace
}  // namespace hallway
