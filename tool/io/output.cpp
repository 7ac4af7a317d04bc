// SPDX-License-Identifier: Apache-2.0
#include "io/output.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <new>
#include <nlohmann/json.hpp>
#include <system_error>
#include <utility>

#include <hallway/bytes.hpp>
#include <hallway/deadline.hpp>
#include <hallway/limits.hpp>

#include "io/escape.hpp"
#include "io/patient_write.hpp"
#include "io/report.hpp"

namespace hallway::tool {

namespace {

/// In bytes; above it, room() waits.
constexpr std::size_t queue_limit = 1 << 20;

Error cannot_write(int code) {
  Error error = error_of(code, "write", "standard output");
  // main.cpp opened a read-only /dev/null in its place.
  if (code == EBADF) error.reason = "it is closed";
  return error;
}

}  // namespace

std::string printed_line(std::string_view message, bool escape) {
  std::string line = escape ? printable(message) : std::string(message);
  line += '\n';
  return line;
}

void add_data(nlohmann::ordered_json& object, std::string_view bytes) {
  if (is_utf8(bytes)) {
    object["data"] = bytes;
  } else {
    object["data_base64"] = base64(bytes);
  }
}

std::string json_line(std::string_view message, std::uint64_t connection) {
  nlohmann::ordered_json object{{"event", "message"}};
  if (connection != 0) object["connection"] = connection;
  add_data(object, message);
  return json_line(object);
}

Output::Output(Loop& loop, bool watched)
    : loop_(&loop), change_(loop, 1), is_terminal_(isatty(STDOUT_FILENO) == 1), following_(loop) {
  if (watched) open();
}

void Output::open() {
  writer_.emplace(STDOUT_FILENO);
  following_.spawn(follow_writer());
}

void Output::run_in_thread(std::function<void()> action) {
  if (writer_) writer_->run_in_thread(std::move(action));
}

void Output::write(std::string_view bytes) {
  if (bytes.empty()) return;
  // Also counted after the end: written() then returns false.
  queued_ever_ += bytes.size();
  if (ended_) return;
  if (!writer_) open();
  queue_ += bytes;
  if (!std::exchange(flushing_, true)) loop_->spawn(flush());
}

Task<> Output::room() {
  if (queued_ever_ - written_ever_ > queue_limit) co_await written(queued_ever_ - queue_limit);
}

Task<bool> Output::written() {
  const std::uint64_t until = queued_ever_;
  co_await written(until);
  co_return written_ever_ >= until;
}

Task<> Output::written(std::uint64_t until) {
  while (written_ever_ < until && !ended_) {
    const auto look = co_await change_.acquire();
  }
}

int Output::finish() {
  if (!flushing_ || ended_) return exit_status::done;
  TaskScope limit(*loop_);
  limit.spawn(give_up());
  return loop_->run();
}

Task<> Output::give_up() {
  const Deadline deadline(ServerLimits{}.drain_time);
  // A drain that begins meanwhile ends the sleep, and has its own time limit.
  while (!deadline.passed()) co_await loop_->sleep(deadline.left());
  loop_->stop(fail(error_of(std::errc::interrupted, "write", "standard output",
                            "it was not read in time; the rest of the output is lost")));
}

/// Keeps the loop running until everything is written.
Task<> Output::flush() {
  // Writing in the next turn combines many messages into one write. While the loop drains, run()
  // would not wait for that.
  if (!loop_->draining()) co_await loop_->sleep(Duration::zero());
  while (written_ever_ < queued_ever_ && !ended_) {
    // Again each time: a task woken together with this one may have printed more.
    hand_over();
    co_await written(queued_ever_);
  }
  flushing_ = false;
}

void Output::hand_over() {
  if (!queue_.empty()) writer_->write(std::exchange(queue_, {}));
}

Task<> Output::follow_writer() {
  try {
    while (!ended_) {
      const auto unchanged = co_await change_.acquire();
      co_await loop_->readable(writer_->change_descriptor());
      writer_->clear_changes();
      written_ever_ = writer_->written();
      if (const int code = writer_->error(); code != 0) end(code);
      if (flushing_) hand_over();
    }
  } catch (const std::bad_alloc&) {
    end(ENOMEM);
  }
}

void Output::end(int code) {
  ended_ = true;
  queue_ = {};
  if (code != EPIPE) error_ = cannot_write(code);
  if (on_end_) on_end_();
}

Result<void> write_out(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t wrote = patient_write(STDOUT_FILENO, bytes);
    if (wrote < 0) return std::unexpected(cannot_write(errno));
    bytes.remove_prefix(static_cast<std::size_t>(wrote));
  }
  return {};
}

int print_and_end(std::string_view bytes) {
  const auto wrote = write_out(bytes);
  const bool failed = !wrote && wrote.error().code != std::errc::broken_pipe;
  return failed ? fail(wrote.error()) : exit_status::done;
}

int close_output(int status) {
  // A duplicate is closed, because the writing thread may be blocked in a write(2) to standard
  // output. Each close(2) makes the file system report what it could not store (filp_close,
  // fs/open.c).
  const int copy = ::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
  const bool closed = copy < 0 || ::close(copy) == 0 || errno == EINTR;
  if (closed || status != exit_status::done) return status;
  return fail(error_of(errno, "close", "standard output"));
}

}  // namespace hallway::tool
