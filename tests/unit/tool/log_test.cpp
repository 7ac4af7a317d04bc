// SPDX-License-Identifier: Apache-2.0
#include "tool/io/log.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <optional>
#include <string>
#include <thread>

#include "unit/tool/written_by_a_thread.hpp"

namespace hallway::tool {

namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

/// A log into a small pipe.
class LogIntoAPipe : public testing::Test {
 protected:
  LogIntoAPipe() {
    fcntl(pipe_.writer(), F_SETPIPE_SZ, 4096);
    log_.emplace(pipe_.writer());
  }

  /// Reads until these words have come.
  [[nodiscard]] std::string read_to(const std::string& words) const {
    std::string text;
    std::array<char, 65536> buffer;
    while (!text.contains(words)) {
      const ssize_t got = read(pipe_.reader(), buffer.data(), buffer.size());
      if (got <= 0) {
        ADD_FAILURE() << "ended without " << words;
        return text;
      }
      text.append(buffer.data(), static_cast<std::size_t>(got));
    }
    return text;
  }

  PipeOfAThread pipe_;
  std::optional<Log> log_;
};

std::uint64_t lines_in(const std::string& text) {
  return static_cast<std::uint64_t>(std::ranges::count(text, '\n'));
}

TEST_F(LogIntoAPipe, is_written_in_order) {
  for (int line = 0; line < 1000; ++line) log_->write("line " + std::to_string(line) + "\n");
  const std::string text = read_to("line 999\n");
  EXPECT_EQ(lines_in(text), 1000);
  EXPECT_LT(text.find("line 1\n"), text.find("line 2\n"));
  EXPECT_LT(text.find("line 2\n"), text.find("line 998\n"));
}

TEST_F(LogIntoAPipe, without_a_reader_drops_the_oldest_and_reports_how_many) {
  const std::string line(1023, 'x');
  std::uint64_t written = 0;
  log_->on_dropped(
      [](std::uint64_t missing) { return "missing " + std::to_string(missing) + "\n"; });
  for (; written < 5000; ++written) log_->write(line + "\n");
  log_->write("the end\n");
  const std::string text = read_to("the end\n");
  // Told where they are missing, which may be at more than one place.
  std::uint64_t missing = 0;
  std::uint64_t places = 0;
  for (auto at = text.find("missing "); at != std::string::npos;
       at = text.find("missing ", at + 1)) {
    missing += std::stoull(text.substr(at + 8));
    ++places;
  }
  EXPECT_GE(places, 1);
  EXPECT_EQ(lines_in(text) - 1 - places + missing, written);
  EXPECT_GE(missing, 3900) << "a mebibyte waits, and no more";
}

TEST_F(LogIntoAPipe, without_a_reader_delays_the_end_for_a_bounded_time) {
  for (int line = 0; line < 100; ++line) log_->write(std::string(1000, 'x') + "\n");
  const auto begun = Log::Clock::now();
  log_->finish();
  const auto took = Log::Clock::now() - begun;
  EXPECT_GE(took, log_patience);
  EXPECT_LT(took, log_end_time + seconds(5));
}

TEST_F(LogIntoAPipe, waits_at_the_end_for_a_thread_that_is_late) {
  log_->write("first\n");
  log_->run_in_thread([] { std::this_thread::sleep_for(2 * log_patience); });
  log_->write("last\n");
  log_->finish();
  fcntl(pipe_.reader(), F_SETFL, O_NONBLOCK);
  EXPECT_EQ(read_to("last\n"), "first\nlast\n");
}

// poll(2) calls a pipe of one page full as soon as it holds a byte; a write is appended there.
TEST_F(LogIntoAPipe, waits_for_a_late_thread_although_poll_calls_the_pipe_full) {
  log_->write("first\n");
  pollfd readable{.fd = pipe_.reader(), .events = POLLIN, .revents = 0};
  ASSERT_EQ(poll(&readable, 1, -1), 1);
  log_->run_in_thread([] { std::this_thread::sleep_for(2 * log_patience); });
  log_->write("last\n");
  log_->finish();
  fcntl(pipe_.reader(), F_SETFL, O_NONBLOCK);
  EXPECT_EQ(read_to("last\n"), "first\nlast\n");
}

TEST_F(LogIntoAPipe, that_does_not_block_loses_nothing) {
  fcntl(pipe_.writer(), F_SETFL, fcntl(pipe_.writer(), F_GETFL) | O_NONBLOCK);
  for (int line = 0; line < 1000; ++line) log_->write("line " + std::to_string(line) + "\n");
  EXPECT_EQ(lines_in(read_to("line 999\n")), 1000);
}

TEST_F(LogIntoAPipe, writes_at_the_end_what_was_scheduled_for_later) {
  log_->write("first\n");
  log_->write_at(Log::Clock::now() + hours(1), [] { return std::string("later\n"); });
  log_->finish();
  EXPECT_EQ(read_to("later\n"), "first\nlater\n");
}

TEST_F(LogIntoAPipe, writes_scheduled_lines_at_their_time) {
  log_->write("first\n");
  log_->write_at(Log::Clock::now() + milliseconds(20), [] { return std::string("later\n"); });
  EXPECT_TRUE(read_to("later\n").ends_with("later\n"));
}

TEST(Log, on_a_full_disk_counts_what_is_missing_and_ends) {
  const WrittenByAThread full(Descriptor::adopt(open("/dev/full", O_WRONLY | O_CLOEXEC)));
  if (full.get() < 0) GTEST_SKIP() << "/dev/full is missing";
  Log log(full.get());
  std::uint64_t missing = 0;
  log.on_dropped([&missing](std::uint64_t lines) {
    missing = lines;
    return std::string("missing\n");
  });
  log.write("one\n");
  log.finish();
  log.write("two\n");
  log.finish();
  EXPECT_EQ(missing, 1);
}

}  // namespace

}  // namespace hallway::tool
