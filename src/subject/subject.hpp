// SPDX-License-Identifier: Apache-2.0
//
// Subjects: what a message is about, in tokens between dots. In the subject of a subscription the
// token `*` stands for any one token, and `>` at the end for one or more. A token that only
// contains one of them, as in `foo*`, is an ordinary token.
//
// All functions are pure. A subject may have any number of tokens. hallway/subject.hpp has those
// that programs may use.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <hallway/error.hpp>
#include <hallway/subject.hpp>

namespace hallway::hub {

/// The tokens of a subject from the first to the last, including empty ones.
class Tokens {
 public:
  explicit Tokens(std::string_view subject) noexcept : rest_(subject) {}

  [[nodiscard]] bool done() const noexcept { return done_; }

  /// Precondition: not done().
  std::string_view next() noexcept {
    const std::size_t dot = rest_.find('.');
    const std::string_view token = rest_.substr(0, dot);
    done_ = dot == std::string_view::npos;
    if (!done_) rest_.remove_prefix(dot + 1);
    return token;
  }

 private:
  std::string_view rest_;
  bool done_ = false;
};

[[nodiscard]] std::size_t count_tokens(std::string_view subject) noexcept;

/// Whether some parser would treat a part of it as a blank or as the end of a line or of a text:
/// NUL, TAB to CR, 0x1c to 0x1f, the space, Unicode's White_Space in UTF-8, and U+FEFF. A program
/// that splits lines at one of these would read other fields than the hub has checked.
[[nodiscard]] bool has_white_space(std::string_view text) noexcept;

/// Whether none of its tokens is a wildcard.
[[nodiscard]] bool is_literal(std::string_view subject) noexcept;

/// Whether a subscription to `pattern` receives what is published to `subject`, in which wildcards
/// are ordinary tokens. An empty token matches nothing. Precondition: `pattern` is valid.
[[nodiscard]] bool matches(std::string_view pattern, std::string_view subject) noexcept;

/// Whether `pattern` matches every subject that `narrower` matches. Precondition: both are valid.
[[nodiscard]] bool is_subset(std::string_view narrower, std::string_view pattern) noexcept;

/// Whether one of the patterns matches the subject. Precondition: they are valid.
[[nodiscard]] bool any_matches(const std::vector<std::string>& patterns,
                               std::string_view subject) noexcept;

/// Whether one of the patterns matches every subject that `narrower` matches. Precondition: all are
/// valid.
[[nodiscard]] bool any_contains(const std::vector<std::string>& patterns,
                                std::string_view narrower) noexcept;

/// Whether there is a subject that both match. Precondition: both are valid.
[[nodiscard]] bool overlap(std::string_view pattern, std::string_view other) noexcept;

/// The error for a text that is not a pattern, as `operation` found it at `where`.
[[nodiscard]] Error not_a_pattern(std::string_view text, std::string operation, std::string where);

}  // namespace hallway::hub
