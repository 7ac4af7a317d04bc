// SPDX-License-Identifier: Apache-2.0
#include "output.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <climits>
#include <nlohmann/json.hpp>
#include <utility>

#include <hallway/bytes.hpp>

#include "escape.hpp"
#include "report.hpp"

namespace hallway::tool {

namespace {

/// Above it, room() waits.
constexpr std::size_t queue_limit = 1 << 20;

/// What a descriptor that is ready takes without blocking: a pipe promises PIPE_BUF bytes; files
/// and /dev/null take everything.
std::size_t takes_at_once(int descriptor) {
  struct stat status{};
  if (fstat(descriptor, &status) < 0) return PIPE_BUF;
  const bool device = S_ISCHR(status.st_mode) && isatty(descriptor) == 0;
  return S_ISREG(status.st_mode) || device ? queue_limit : PIPE_BUF;
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

std::string json_line(const nlohmann::ordered_json& object) {
  return object.dump(-1, ' ', true) + "\n";
}

std::string json_line(std::string_view message, std::uint64_t connection) {
  nlohmann::ordered_json object{{"event", "message"}};
  if (connection != 0) object["connection"] = connection;
  add_data(object, message);
  return json_line(object);
}

Output::Output(Loop& loop)
    : loop_(&loop),
      at_once_(takes_at_once(STDOUT_FILENO)),
      is_terminal_(isatty(STDOUT_FILENO) == 1) {}

void Output::write(std::string_view bytes) {
  if (ended_) return;
  queue_ += bytes;
  queued_ever_ += bytes.size();
  if (!std::exchange(flushing_, true)) loop_->spawn(flush());
}

Task<> Output::room() {
  // Nobody wakes the waiting one by one: a slow terminal is looked at again soon enough.
  while (queue_.size() - written_ > queue_limit && !ended_) {
    co_await loop_->sleep(std::chrono::milliseconds(5));
  }
}

Task<> Output::written() {
  if (written_ever_ >= queued_ever_ || ended_) co_return;
  Waiting waiting{queued_ever_, Occurrence(*loop_)};
  // Whoever is ended while he waits must not be woken.
  struct InLine {
    std::list<Waiting*>& line;
    Waiting* who;
    ~InLine() { line.remove(who); }
  };
  waiting_.push_back(&waiting);
  const InLine in_line{waiting_, &waiting};
  co_await waiting.happened;
}

void Output::wake() {
  while (!waiting_.empty() && (ended_ || waiting_.front()->until <= written_ever_)) {
    waiting_.front()->happened.happen();
    waiting_.pop_front();
  }
}

Task<> Output::flush() {
  // The next turn is soon enough, and many messages then cost one write.
  co_await loop_->sleep(Duration::zero());
  while (written_ < queue_.size() && !ended_) {
    co_await loop_->writable(STDOUT_FILENO);
    if (!write_some()) break;
  }
  queue_.clear();
  written_ = 0;
  flushing_ = false;
}

bool Output::write_some() {
  const std::size_t size = std::min(queue_.size() - written_, at_once_);
  const ssize_t wrote = ::write(STDOUT_FILENO, queue_.data() + written_, size);
  if (wrote < 0 && errno != EINTR && errno != EAGAIN) {
    end(errno);
    return false;
  }
  const auto count = static_cast<std::size_t>(std::max<ssize_t>(wrote, 0));
  written_ += count;
  written_ever_ += count;
  wake();
  if (written_ > queue_limit) queue_.erase(0, std::exchange(written_, 0));
  return true;
}

void Output::end(int code) {
  ended_ = true;
  if (code != EPIPE) error_ = error_of(code, "write", "standard output");
  wake();
  if (on_end_) on_end_();
}

Result<void> write_out(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t wrote = ::write(STDOUT_FILENO, bytes.data(), bytes.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) return std::unexpected(error_of(errno, "write", "standard output"));
    bytes.remove_prefix(static_cast<std::size_t>(wrote));
  }
  return {};
}

}  // namespace hallway::tool
