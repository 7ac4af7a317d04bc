// SPDX-License-Identifier: Apache-2.0
//
// As much of HTTP/1.1 (RFC 9112) as a GET for metrics takes.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <hallway/limits.hpp>

namespace hallway::tool {

/// The head of one request: a first line, then fields, then an empty line. Lines end in LF or
/// CR LF. Only the first line is kept.
class HttpRequestHead {
 public:
  static constexpr std::size_t max_line = 8 * kibibyte;  ///< bytes, without its end
  static constexpr std::size_t max_lines = 100;          ///< with the first, without the empty one

  enum class State {
    unfinished,
    whole,           ///< and nothing that follows counts
    too_many_lines,  ///< also for good
    line_too_long,
  };

  /// Takes what came next.
  State take(std::string_view bytes);

  [[nodiscard]] State state() const noexcept { return state_; }

  /// "GET /metrics HTTP/1.1", once the state is `whole`. May hold any byte but LF.
  [[nodiscard]] const std::string& first_line() const noexcept { return first_; }

 private:
  void end_line();

  State state_ = State::unfinished;
  std::size_t lines_ = 0;
  std::size_t size_ = 0;  // of the line so far, a CR at its end counted
  bool blank_ = true;     // nothing but a CR is in it
  std::string first_;
};

/// What is asked for.
struct HttpTarget {
  std::string_view method;
  std::string_view path;  ///< without a query
};

/// Reads a first line; what is missing in it is empty. Views into `line`.
HttpTarget read_http_target(std::string_view line);

/// A whole response, after which the connection closes. With HEAD, `body` is counted, not sent.
std::string http_response(std::string_view status, std::string_view type, std::string_view body,
                          bool with_body = true);

}  // namespace hallway::tool
