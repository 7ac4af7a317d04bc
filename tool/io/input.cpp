// SPDX-License-Identifier: Apache-2.0
#include "io/input.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

#include <hallway/limits.hpp>

#include "io/report.hpp"
#include "io/values.hpp"

namespace hallway::tool {

Task<Result<std::optional<std::string>>> LineReader::next() {
  for (;;) {
    auto line = take_line();
    if (line && line->size() > most_) co_return std::unexpected(too_long());
    if (line || ended_) co_return line;
    if (buffer_.size() > most_) co_return std::unexpected(too_long());
    co_await loop_->readable(STDIN_FILENO);
    if (auto read = read_some(); !read) co_return std::unexpected(read.error());
  }
}

std::optional<std::string> LineReader::take_line() {
  const auto newline = buffer_.find('\n', scanned_);
  if (newline != std::string::npos) {
    std::string line = buffer_.substr(taken_, newline - taken_);
    taken_ = scanned_ = newline + 1;
    return line;
  }
  buffer_.erase(0, std::exchange(taken_, 0));
  scanned_ = buffer_.size();
  // The last line may lack its newline.
  if (!ended_ || buffer_.empty()) return std::nullopt;
  scanned_ = 0;
  return std::exchange(buffer_, {});
}

Result<void> LineReader::read_some() {
  std::array<char, 64 * kibibyte> bytes;
  const ssize_t got = read(STDIN_FILENO, bytes.data(), bytes.size());
  if (got < 0 && (errno == EINTR || errno == EAGAIN)) return {};
  if (got < 0) return std::unexpected(error_of(errno, "read", "standard input"));
  ended_ = got == 0;
  buffer_.append(bytes.data(), static_cast<std::size_t>(got));
  return {};
}

Error LineReader::too_long() const {
  return error_of(std::errc::message_size, "read", "standard input",
                  fmt::format("a line is longer than {} {}", who_says_, write_size(most_)));
}

}  // namespace hallway::tool
