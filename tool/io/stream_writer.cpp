// SPDX-License-Identifier: Apache-2.0
#include "io/stream_writer.hpp"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <mutex>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <hallway/limits.hpp>

#include "io/patient_write.hpp"

namespace hallway::tool {

namespace {

/// Progress is reported, and messages are acknowledged, piece by piece.
constexpr std::size_t bytes_per_write = 64 * kibibyte;

/// Wakes another thread. It is a pipe, because both threads wait with poll(2) for more than this.
class WakePipe {
 public:
  WakePipe() {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0) {
      throw std::system_error(errno, std::generic_category(), "pipe");
    }
    read_end_ = Descriptor::adopt(ends[0]);
    write_end_ = Descriptor::adopt(ends[1]);
  }

  /// If the pipe is full, the other thread has not read it yet and will wake anyway.
  void wake() const noexcept {
    [[maybe_unused]] const ssize_t wrote = ::write(write_end_.get(), "", 1);
  }

  void drain() const noexcept {
    std::array<char, 512> bytes;
    while (::read(read_end_.get(), bytes.data(), bytes.size()) > 0) {
    }
  }

  [[nodiscard]] int descriptor() const noexcept { return read_end_.get(); }

 private:
  Descriptor read_end_;
  Descriptor write_end_;
};

}  // namespace

/// Shared by the owner and the thread; the last of them frees it.
struct StreamWriter::State {
  explicit State(int its_descriptor) : descriptor(its_descriptor) {}

  /// The body of the thread.
  void run() {
    while (wait_for_work()) {
      std::string bytes;
      {
        const std::lock_guard lock(mutex);
        bytes.swap(waiting);
      }
      if (!write_all(bytes)) return;
    }
  }

  /// Waits for bytes.
  /// @return false if the owner or the reader is gone
  bool wait_for_work() {
    for (;;) {
      std::array<pollfd, 2> watched{
          pollfd{.fd = descriptor, .events = 0, .revents = 0},
          pollfd{.fd = work.descriptor(), .events = POLLIN, .revents = 0}};
      if (poll(watched.data(), watched.size(), -1) < 0) continue;
      work.drain();
      // Without being requested, poll(2) reports that the last reader of a pipe is gone.
      if ((watched[0].revents & POLLNVAL) != 0) return end(EBADF);
      if (watched[0].revents != 0) return end(EPIPE);
      run_actions();
      const std::lock_guard lock(mutex);
      if (!waiting.empty()) return true;
      if (ownerless) return false;
    }
  }

  void run_actions() {
    std::vector<std::function<void()>> due;
    {
      const std::lock_guard lock(mutex);
      due.swap(actions);
    }
    for (const auto& action : due) action();
  }

  bool write_all(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t wrote = patient_write(descriptor, bytes.substr(0, bytes_per_write));
      if (wrote < 0) return end(errno);
      bytes.remove_prefix(static_cast<std::size_t>(wrote));
      const std::lock_guard lock(mutex);
      if (ownerless) return false;
      written += static_cast<std::uint64_t>(wrote);
      changes.wake();
    }
    return true;
  }

  bool end(int code) {
    const std::lock_guard lock(mutex);
    error = code;
    changes.wake();
    return false;
  }

  const int descriptor;
  const WakePipe work;
  const WakePipe changes;
  std::mutex mutex;  // guards what follows
  std::string waiting;
  std::vector<std::function<void()>> actions;
  std::uint64_t written = 0;
  int error = 0;
  bool ownerless = false;
};

StreamWriter::StreamWriter(int descriptor) : state_(std::make_shared<State>(descriptor)) {
  start_writing_thread([state = state_] { state->run(); });
}

StreamWriter::~StreamWriter() {
  const std::lock_guard lock(state_->mutex);
  state_->ownerless = true;
  state_->work.wake();
}

void StreamWriter::write(std::string bytes) {
  const std::lock_guard lock(state_->mutex);
  if (state_->waiting.empty()) {
    state_->waiting = std::move(bytes);
  } else {
    state_->waiting += bytes;
  }
  state_->work.wake();
}

void StreamWriter::run_in_thread(std::function<void()> action) {
  const std::lock_guard lock(state_->mutex);
  state_->actions.push_back(std::move(action));
  state_->work.wake();
}

std::uint64_t StreamWriter::written() const {
  const std::lock_guard lock(state_->mutex);
  return state_->written;
}

int StreamWriter::error() const {
  const std::lock_guard lock(state_->mutex);
  return state_->error;
}

int StreamWriter::change_descriptor() const noexcept { return state_->changes.descriptor(); }

void StreamWriter::clear_changes() { state_->changes.drain(); }

}  // namespace hallway::tool
