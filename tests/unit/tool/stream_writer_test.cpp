// SPDX-License-Identifier: Apache-2.0
#include "tool/io/stream_writer.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <vector>

#include "support/watchdog.hpp"
#include "unit/tool/written_by_a_thread.hpp"

namespace hallway::tool {

namespace {

constexpr int deadline = 30'000;

/// Waits until something has changed; false if nothing did in time.
bool wait_for_change(StreamWriter& writer) {
  pollfd watched{.fd = writer.change_descriptor(), .events = POLLIN, .revents = 0};
  if (poll(&watched, 1, deadline) != 1) return false;
  writer.clear_changes();
  return true;
}

TEST(StreamWriter, reports_how_much_was_written) {
  const PipeOfAThread pipe;
  StreamWriter writer(pipe.writer());
  const std::string text(300'000, 'x');
  writer.write(text);
  std::vector<char> buffer(text.size());
  std::size_t got = 0;
  while (got < text.size()) {
    const ssize_t more = read(pipe.reader(), buffer.data(), buffer.size());
    ASSERT_GT(more, 0);
    got += static_cast<std::size_t>(more);
  }
  while (writer.written() < text.size()) ASSERT_TRUE(wait_for_change(writer));
  EXPECT_EQ(writer.written(), text.size());
  EXPECT_EQ(writer.error(), 0);
}

TEST(StreamWriter, notices_at_once_that_the_reader_went_away) {
  PipeOfAThread pipe;
  StreamWriter writer(pipe.writer());
  pipe.close_reader();
  ASSERT_TRUE(wait_for_change(writer));
  EXPECT_EQ(writer.error(), EPIPE);
}

TEST(StreamWriter, counts_nothing_of_what_a_full_disk_did_not_take) {
  const WrittenByAThread full(Descriptor::adopt(open("/dev/full", O_WRONLY | O_CLOEXEC)));
  if (full.get() < 0) GTEST_SKIP() << "/dev/full is missing";
  StreamWriter writer(full.get());
  writer.write("lost");
  ASSERT_TRUE(wait_for_change(writer));
  EXPECT_EQ(writer.error(), ENOSPC);
  EXPECT_EQ(writer.written(), 0);
}

TEST(StreamWriter, is_not_waited_for) {
  // The thread ends by itself, which /proc says and the sanitizer does not see.
  if (test::thread_sanitized) GTEST_SKIP() << "nobody joins a thread that is stuck in a write";
  const PipeOfAThread pipe;
  {
    StreamWriter writer(pipe.writer());
    writer.write(std::string(1 << 20, 'x'));
    ASSERT_TRUE(wait_for_change(writer));
  }
  SUCCEED() << "the pipe is full, and its writer is gone";
}

}  // namespace

}  // namespace hallway::tool
