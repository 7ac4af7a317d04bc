// SPDX-License-Identifier: Apache-2.0
#include "io/input.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

#include "io/patient_write.hpp"
#include "io/report.hpp"
#include "io/values.hpp"

namespace hallway::tool {

Result<std::string> read_all_input(std::size_t most) {
  std::string input;
  std::array<char, 64 * kibibyte> buffer;
  while (input.size() <= most) {
    const ssize_t got = patient_read(STDIN_FILENO, buffer.data(), buffer.size());
    if (got < 0) return std::unexpected(error_of(errno, "read", "standard input"));
    if (got == 0) break;
    input.append(buffer.data(), static_cast<std::size_t>(got));
  }
  return input;
}

InputLines::InputLines(Loop& loop, std::size_t most, std::string_view limit_name)
    : lines_(loop, STDIN_FILENO, {.max_message = most, .keep_carriage_return = true}),
      most_(most),
      limit_name_(limit_name) {}

Task<Result<std::optional<std::string>>> InputLines::next() {
  const auto line = co_await lines_.receive();
  if (line) co_return line->to_owned();
  if (line.outcome() != Outcome::failed) co_return std::nullopt;
  Error error = line.error();
  if (error.code == std::errc::message_size) {
    error.reason = fmt::format("a line is longer than {} {}", limit_name_, write_size(most_));
  }
  co_return std::unexpected(std::move(error));
}

}  // namespace hallway::tool
