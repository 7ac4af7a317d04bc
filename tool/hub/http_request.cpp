// SPDX-License-Identifier: Apache-2.0
#include "hub/http_request.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace hallway::tool {

HttpRequestHead::State HttpRequestHead::take(std::string_view bytes) {
  while (state_ == State::unfinished && !bytes.empty()) {
    const std::size_t end = bytes.find('\n');
    const std::string_view piece = bytes.substr(0, end);
    size_ += piece.size();
    blank_ = blank_ && (piece.empty() || (piece == "\r" && size_ == 1));
    const bool with_end = end != std::string_view::npos;
    // The CR of a line ending does not count, and may arrive separately from its LF.
    const std::size_t most = max_line + 1;
    if (lines_ == 0) first_.append(piece.substr(0, most - std::min(most, first_.size())));
    if (size_ > most) {
      state_ = State::line_too_long;
      break;
    }
    if (!with_end) break;
    bytes.remove_prefix(end + 1);
    end_line();
  }
  return state_;
}

void HttpRequestHead::end_line() {
  if (lines_ == 0 && first_.ends_with('\r')) first_.pop_back();
  if (lines_ > 0 && blank_) {
    state_ = State::whole;
  } else if (++lines_ == max_lines) {
    state_ = State::too_many_lines;
  }
  size_ = 0;
  blank_ = true;
}

HttpTarget read_http_target(std::string_view line) {
  const auto space = line.find(' ');
  HttpTarget target{.method = line.substr(0, space), .path = {}};
  if (space != std::string_view::npos) target.path = line.substr(space + 1);
  target.path = target.path.substr(0, target.path.find_first_of(" ?"));
  return target;
}

std::string http_response(std::string_view status, std::string_view type, std::string_view body,
                          bool with_body) {
  return fmt::format(
      "HTTP/1.1 {}\r\nContent-Type: {}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{}",
      status, type, body.size(), with_body ? body : "");
}

}  // namespace hallway::tool
