// SPDX-License-Identifier: Apache-2.0
#include "io/handler.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <new>
#include <utility>
#include <vector>

#include <hallway/child.hpp>
#include <hallway/descriptor.hpp>
#include <hallway/task_scope.hpp>
#include <hallway/when_any.hpp>

#include "io/escape.hpp"
#include "io/report.hpp"
#include "io/values.hpp"

namespace hallway::tool {

namespace {

/// Maximum bytes of the command shown in reports.
constexpr std::size_t shown_command = 60;

struct Pipe {
  Descriptor read_end;
  Descriptor write_end;
};

Result<Pipe> make_pipe() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) < 0) return std::unexpected(error_of(errno, "handler", "pipe"));
  return Pipe{Descriptor::adopt(ends[0]), Descriptor::adopt(ends[1])};
}

/// Makes only our end non-blocking: each end of a pipe is its own open file, so the child's still
/// blocks.
void never_block(const Descriptor& end) {
  fcntl(end.get(), F_SETFL, fcntl(end.get(), F_GETFL) | O_NONBLOCK);
}

/// A process that answers one message, and its state. It is killed with this object, unless it has
/// ended.
struct Process {
  Process(Loop& its_loop, Child its_child, Descriptor its_input, Descriptor its_output)
      : loop(&its_loop),
        child(std::move(its_child)),
        input(std::move(its_input)),
        output(std::move(its_output)) {}
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  ~Process() {
    if (!ended) kill();
  }

  /// Kills it and everything it started that is in its process group.
  void kill() { static_cast<void>(child.kill(SIGKILL)); }

  /// To be called when memory runs out: only the output of this process is lost.
  void give_up() {
    out_of_memory = true;
    printed = {};
    kill();
  }

  /// Reads once, at most `most` bytes.
  /// @return false at the end of the output or after an error
  bool read_some(std::size_t most) {
    std::array<char, 64 * kibibyte> buffer;
    const ssize_t got = read(output.get(), buffer.data(), std::min(most, buffer.size()));
    if (got < 0) return errno == EAGAIN || errno == EINTR;
    printed.append(buffer.data(), static_cast<std::size_t>(got));
    return got > 0;
  }

  Loop* loop;
  Child child;
  Descriptor input;
  Descriptor output;
  std::string printed;
  bool too_much = false;
  bool timed_out = false;
  bool out_of_memory = false;
  bool ended = false;
};

/// Writes the message to the process, which may not read it.
Task<> feed(Process& process, std::string_view message) {
  try {
    while (!message.empty()) {
      co_await process.loop->writable(process.input.get());
      const ssize_t wrote = ::write(process.input.get(), message.data(), message.size());
      if (wrote < 0 && errno != EAGAIN && errno != EINTR) break;
      if (wrote > 0) message.remove_prefix(static_cast<std::size_t>(wrote));
    }
  } catch (const std::bad_alloc&) {
    process.give_up();
  }
  process.input.close();
}

/// Reads the output of the process up to its end, or until it exceeds `most`.
Task<> collect(Process& process, std::size_t most) {
  try {
    while (!process.too_much) {
      co_await process.loop->readable(process.output.get());
      if (!process.read_some(64 * kibibyte)) break;
      process.too_much = process.printed.size() > most;
    }
  } catch (const std::bad_alloc&) {
    process.give_up();
  }
  if (process.too_much) process.kill();
}

/// Reads what is in the pipe now, and no more: a process left behind may continue to print.
void collect_rest(Process& process, std::size_t most) {
  int left = 0;
  if (process.too_much || process.out_of_memory) return;
  if (ioctl(process.output.get(), FIONREAD, &left) < 0) return;
  auto rest = static_cast<std::size_t>(left);
  while (rest > 0) {
    const std::size_t before = process.printed.size();
    if (!process.read_some(rest)) break;
    rest -= process.printed.size() - before;
  }
  process.too_much = process.printed.size() > most;
}

/// Completes when the process has ended and its output has been read. Processes that it left behind
/// may keep the pipe open for any time.
Task<Result<ExitStatus>> finish(Process& process, std::string_view message, HandlerLimits limits) {
  // One more for a final newline, which does not count.
  const std::size_t most = limits.answer + 1;
  TaskScope pipes(*process.loop);
  pipes.spawn(feed(process, message));
  pipes.spawn(collect(process, most));
  auto status = co_await with_timeout(process.child.wait(), limits.time);
  if (!status && status.error().code == std::errc::timed_out) {
    process.timed_out = true;
    process.kill();
    status = co_await process.child.wait();
  }
  process.ended = true;
  collect_rest(process, most);
  co_return status;
}

void drop_final_newline(std::string& text) {
  if (text.ends_with('\n')) text.pop_back();
}

}  // namespace

Handler::Handler(Loop& loop, std::string command, HandlerLimits limits)
    : loop_(&loop),
      command_(std::move(command)),
      limits_(limits),
      places_(loop, limits.processes) {}

// Not a default argument: GCC 12 would destroy it twice in a co_await expression.
Task<Result<std::optional<std::string>>> Handler::answer(std::string_view message) {
  return answer(message, std::vector<std::string>());
}

Error Handler::failure(std::errc code, std::string_view reason) const {
  return error_of(code, "handler", excerpt(command_, shown_command), reason);
}

Task<Result<std::optional<std::string>>> Handler::answer(std::string_view message,
                                                         std::vector<std::string> environment) {
  const auto place = co_await places_.acquire();
  auto input = make_pipe();
  if (!input) co_return std::unexpected(input.error());
  auto output = make_pipe();
  if (!output) co_return std::unexpected(output.error());
  never_block(input->write_end);
  never_block(output->read_end);

  auto child = Child::spawn_with(*loop_, {"sh", "-c", command_},
                                 {input->read_end.get(), output->write_end.get(), STDERR_FILENO},
                                 {.environment = std::move(environment), .own_group = true});
  if (!child) co_return std::unexpected(child.error());
  input->read_end.close();
  output->write_end.close();
  Process process(*loop_, std::move(*child), std::move(input->write_end),
                  std::move(output->read_end));

  const auto status = co_await finish(process, message, limits_);
  if (process.out_of_memory) {
    co_return std::unexpected(
        failure(std::errc::not_enough_memory, "killed: out of memory for its output"));
  }
  if (process.timed_out) {
    co_return std::unexpected(failure(
        std::errc::timed_out, "killed: it took longer than " + write_duration(limits_.time)));
  }
  if (!status) co_return std::unexpected(status.error());
  if (!process.too_much && !status->success()) {
    co_return std::unexpected(failure(std::errc::io_error, status->to_string()));
  }
  drop_final_newline(process.printed);
  if (process.too_much || process.printed.size() > limits_.answer) {
    co_return std::unexpected(failure(
        std::errc::message_size, "killed: it printed more than " + write_size(limits_.answer)));
  }
  if (process.printed.empty()) co_return std::nullopt;
  co_return std::move(process.printed);
}

}  // namespace hallway::tool
