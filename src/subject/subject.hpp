// SPDX-License-Identifier: Apache-2.0
//
// Subjects: what a message is about, in tokens between dots. In the subject of a subscription the
// token `*` stands for any one token, and `>` at the end for one or more. A token that only
// contains one of them, as in `foo*`, is an ordinary token.
//
// All functions are pure, and only in_common() allocates. A subject may have any number of tokens.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

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

/// Whether it can be subscribed to: no empty token, no white space, and `>` only at the end. As
/// IsValidSubject of nats-server, where only the space, TAB, CR and LF are white space.
[[nodiscard]] bool is_valid_subject(std::string_view subject) noexcept;

/// Whether none of its tokens is a wildcard.
[[nodiscard]] bool is_literal(std::string_view subject) noexcept;

/// Whether a message can be published to it: valid, and without wildcards.
[[nodiscard]] bool is_valid_literal(std::string_view subject) noexcept;

/// Whether a subscription to `pattern` receives what is published to `subject`, in which wildcards
/// are ordinary tokens. An empty token matches nothing. Precondition: `pattern` is valid.
[[nodiscard]] bool matches(std::string_view pattern, std::string_view subject) noexcept;

/// Whether `pattern` matches every subject that `narrower` matches. Precondition: both are valid.
[[nodiscard]] bool is_subset(std::string_view narrower, std::string_view pattern) noexcept;

/// Whether there is a subject that both match. Precondition: both are valid.
[[nodiscard]] bool overlap(std::string_view pattern, std::string_view other) noexcept;

/// The pattern of exactly those subjects that both match; nullopt: there is none. Precondition:
/// both are valid.
[[nodiscard]] std::optional<std::string> in_common(std::string_view pattern,
                                                   std::string_view other);

}  // namespace hallway::hub
