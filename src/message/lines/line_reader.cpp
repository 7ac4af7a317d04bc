// SPDX-License-Identifier: Apache-2.0
#include <hallway/line_reader.hpp>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <coroutine>
#include <cstdint>
#include <optional>
#include <source_location>
#include <string>

#include <hallway/deadline.hpp>
#include <hallway/framing.hpp>

#include "loop/loop_core.hpp"
#include "sys/event.hpp"
#include "sys/expected.hpp"
#include "sys/file.hpp"

namespace hallway {

namespace {

constexpr const char* operation = "read";

/// Waits until a descriptor is readable, time is up, or the loop begins to drain.
class [[nodiscard]] InputWait : private detail::Watch,
                                private detail::Timer,
                                private detail::EndsWithDrain {
 public:
  enum class Result : std::uint8_t {
    readable,
    timed_out,
    draining,
    not_watched,  ///< the kernel had no room for it: try again
  };

  InputWait(detail::LoopCore& core, int descriptor, Duration within) noexcept
      : core_(core), descriptor_(descriptor), within_(within) {}

  [[nodiscard]] bool await_ready() const noexcept { return false; }
  template <typename Promise>
  void await_suspend(std::coroutine_handle<Promise> awaiting,
                     std::source_location where = std::source_location::current()) {
    detail::note_wait(awaiting, where);
    waiter_.coroutine = awaiting;
    begin();
  }
  [[nodiscard]] Result await_resume() const noexcept { return result_; }

 private:
  void begin() {
    constexpr Duration look_again = std::chrono::milliseconds(10);
    const auto watched = watch(core_, descriptor_, sys::event_readable);
    if (watched) {
      start_after(core_, within_);
      return core_.end_with_drain(*this);
    }
    const std::error_code code = watched.error().code;
    if (code == std::errc::not_enough_memory || code == std::errc::no_space_on_device) {
      on_time_ = within_ <= look_again ? Result::timed_out : Result::not_watched;
      start_after(core_, std::min(within_, look_again));
      return core_.end_with_drain(*this);
    }
    // A file, which epoll does not watch (EPERM), or read(2) reports what is wrong. In the next
    // turn, so that other tasks also run while a long file is read.
    end(Result::readable);
  }

  void ready(std::uint32_t /*events*/) override { end(Result::readable); }
  void fire() override { end(on_time_); }
  void drain_begins() override { end(Result::draining); }

  void end(Result result) {
    stop_watching();
    stop();
    EndsWithDrain::unlink();
    result_ = result;
    core_.schedule(waiter_);
  }

  detail::LoopCore& core_;
  int descriptor_;
  Duration within_;
  detail::Waiter waiter_;
  Result result_ = Result::readable;
  Result on_time_ = Result::timed_out;
};

}  // namespace

class LineReader::State {
 public:
  State(Loop& loop, int descriptor, Descriptor owned, const LineReaderOptions& options)
      : core_(loop.core()),
        descriptor_(descriptor),
        owned_(std::move(owned)),
        max_message_(std::min(options.max_message, bounds::max_message)),
        keep_carriage_return_(options.keep_carriage_return) {}

  Task<ReceivedLine> receive(Duration within) {
    const Deadline deadline(within);
    for (;;) {
      if (auto result = take()) co_return std::move(*result);
      switch (const auto woken = co_await InputWait(core_, descriptor_, deadline.left()); woken) {
        case InputWait::Result::readable: read_more(); break;
        case InputWait::Result::timed_out: co_return ReceivedLine(Outcome::timed_out);
        case InputWait::Result::draining: co_return ReceivedLine(Outcome::closed);
        case InputWait::Result::not_watched: break;
      }
    }
  }

 private:
  /// A line, or the end; nothing if more bytes are needed.
  std::optional<ReceivedLine> take() {
    if (failure_) return ReceivedLine(*failure_);
    const ByteView rest = ByteView(buffer_).substr(taken_);
    constexpr Framing lines = Framing::lines();
    Frame frame = lines.next(rest, max_message_, scanned_);
    if (frame.state == Frame::State::incomplete && ended_) {
      if (rest.empty()) return ReceivedLine(Outcome::end_of_stream);
      frame = lines.last(rest, max_message_);
    }
    if (frame.state == Frame::State::incomplete) {
      scanned_ = rest.size();
      return std::nullopt;
    }
    if (frame.state == Frame::State::complete) {
      ByteView line = frame.message;
      if (keep_carriage_return_) {
        line = rest.substr(0, frame.consumed);
        if (line.ends_with('\n')) line.remove_suffix(1);
      }
      if (line.size() <= max_message_) {
        taken_ += frame.consumed;
        scanned_ = 0;
        return ReceivedLine(Message(line));
      }
    }
    return fail(EMSGSIZE, "a line is longer than " + std::to_string(max_message_) + " bytes");
  }

  void read_more() {
    constexpr std::size_t piece = 64 * kibibyte;  // as much as a pipe holds
    buffer_.erase(0, std::exchange(taken_, 0));
    const std::size_t had = buffer_.size();
    std::optional<int> error;
    buffer_.resize_and_overwrite(had + piece, [&](char* bytes, std::size_t) {
      const auto got = sys::read_some(descriptor_, bytes + had, piece);
      if (!got) error = got.error();
      ended_ = got && *got == 0;
      return had + got.value_or(0);
    });
    // EAGAIN: another process made the descriptor non-blocking.
    if (error && *error != EAGAIN) static_cast<void>(fail(*error));
  }

  ReceivedLine fail(int number, std::string reason = {}) {
    failure_ = sys::failure(number, operation, name(), std::move(reason)).error();
    return ReceivedLine(*failure_);
  }

  [[nodiscard]] std::string name() const {
    return descriptor_ == 0 ? "standard input" : "descriptor " + std::to_string(descriptor_);
  }

  detail::LoopCore& core_;
  int descriptor_;
  Descriptor owned_;
  std::size_t max_message_;
  bool keep_carriage_return_;
  std::string buffer_;
  std::size_t taken_ = 0;    // leading bytes of buffer_ that have been returned
  std::size_t scanned_ = 0;  // bytes after those that are known to hold no line feed
  bool ended_ = false;
  std::optional<Error> failure_;
};

LineReader::LineReader(Loop& loop, int descriptor, const LineReaderOptions& options)
    : state_(std::make_unique<State>(loop, descriptor, Descriptor(), options)) {}
LineReader::LineReader(Loop& loop, Descriptor descriptor, const LineReaderOptions& options) {
  const int number = descriptor.get();
  state_ = std::make_unique<State>(loop, number, std::move(descriptor), options);
}
LineReader::LineReader(LineReader&&) noexcept = default;
LineReader& LineReader::operator=(LineReader&&) noexcept = default;
LineReader::~LineReader() = default;

Task<ReceivedLine> LineReader::receive(Duration within) { return state_->receive(within); }

Error ReceivedLine::error() const {
  if (error_) return *error_;
  const auto failure = [](int number, const char* reason) {
    return sys::failure(number, operation, "", reason).error();
  };
  switch (outcome_) {
    case Outcome::timed_out: return failure(ETIMEDOUT, "no line came in time");
    case Outcome::end_of_stream: return failure(EPIPE, "the input has ended");
    case Outcome::closed: return failure(ECANCELED, "the loop drains");
    default: return {};
  }
}

}  // namespace hallway
