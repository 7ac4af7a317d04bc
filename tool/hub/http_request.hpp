// SPDX-License-Identifier: Apache-2.0
//
// The part of HTTP/1.1 (RFC 9112) that a GET of metrics needs.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <hallway/limits.hpp>

namespace hallway::tool {

/// The head of one request: a first line, then fields, then an empty line. Lines end in LF or
/// CR LF. Only the first line is stored.
class HttpRequestHead {
 public:
  static constexpr std::size_t max_line = 8 * kibibyte;  ///< bytes, without the line ending
  static constexpr std::size_t max_lines = 100;          ///< with the first, without the empty one

  enum class State {
    unfinished,
    whole,           ///< final: bytes that follow are ignored
    too_many_lines,  ///< also final
    line_too_long,
  };

  /// Parses the next bytes received.
  State take(std::string_view bytes);

  [[nodiscard]] State state() const noexcept { return state_; }

  /// "GET /metrics HTTP/1.1", once the state is `whole`. May hold any byte but LF.
  [[nodiscard]] const std::string& first_line() const noexcept { return first_; }

 private:
  void end_line();

  State state_ = State::unfinished;
  std::size_t lines_ = 0;
  std::size_t size_ = 0;  // of the current line so far, including a CR at its end
  bool blank_ = true;     // the current line holds at most a CR
  std::string first_;
};

/// The method and the path of a request.
struct HttpTarget {
  std::string_view method;
  std::string_view path;  ///< without a query
};

/// Reads a first line. Missing parts are empty. The result holds views into `line`.
HttpTarget read_http_target(std::string_view line);

/// A whole response, after which the connection closes.
/// @param with_body  false for HEAD: `body` is counted in Content-Length but not sent
std::string http_response(std::string_view status, std::string_view type, std::string_view body,
                          bool with_body = true);

}  // namespace hallway::tool
