// SPDX-License-Identifier: Apache-2.0
#include "subject/subject.hpp"

#include <algorithm>
#include <utility>

#include "subject/reserved_subjects.hpp"

namespace hallway::hub {

namespace {

constexpr std::string_view any_one = "*";
constexpr std::string_view any_more = ">";

constexpr bool is_white_space(unsigned char byte) noexcept {
  return byte == 0 || (byte >= '\t' && byte <= '\r') || (byte >= 0x1c && byte <= ' ');
}

/// Whether the text starts with a white space character above ASCII.
bool starts_with_wide_white_space(std::string_view text) noexcept {
  for (const std::string_view one :
       {"\xC2\x85", "\xC2\xA0", "\xE1\x9A\x80", "\xE2\x80\xA8", "\xE2\x80\xA9", "\xE2\x80\xAF",
        "\xE2\x81\x9F", "\xE3\x80\x80", "\xEF\xBB\xBF"}) {
    if (text.starts_with(one)) return true;
  }
  // U+2000 to U+200A
  return text.size() >= 3 && text.starts_with("\xE2\x80") &&
         static_cast<unsigned char>(text[2]) <= 0x8A;
}

}  // namespace

std::size_t count_tokens(std::string_view subject) noexcept {
  return 1 + static_cast<std::size_t>(std::ranges::count(subject, '.'));
}

bool has_white_space(std::string_view text) noexcept {
  bool suspicious = false;  // usually stays false, and this loop has no branch
  for (const char byte : text) {
    const auto value = static_cast<unsigned char>(byte);
    suspicious |= value <= ' ' || value >= 0x80;
  }
  if (!suspicious) return false;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (is_white_space(static_cast<unsigned char>(text[at]))) return true;
    if (starts_with_wide_white_space(text.substr(at))) return true;
  }
  return false;
}

bool is_literal(std::string_view subject) noexcept {
  for (Tokens tokens(subject); !tokens.done();) {
    const std::string_view token = tokens.next();
    if (token == any_one || token == any_more) return false;
  }
  return true;
}

bool matches(std::string_view pattern, std::string_view subject) noexcept {
  Tokens wanted(pattern);
  Tokens tokens(subject);
  bool open = false;  // `>` was reached: the remaining tokens only have to be non-empty
  while (!tokens.done()) {
    const std::string_view token = tokens.next();
    if (token.empty()) return false;
    if (open) continue;
    if (wanted.done()) return false;
    const std::string_view want = wanted.next();
    open = want == any_more;
    if (!open && want != any_one && want != token) return false;
  }
  return wanted.done();
}

bool is_subset(std::string_view narrower, std::string_view pattern) noexcept {
  Tokens inner(narrower);
  Tokens outer(pattern);
  while (!inner.done() && !outer.done()) {
    const std::string_view within = inner.next();
    const std::string_view around = outer.next();
    if (around == any_more) return true;
    if (within == any_more) return false;
    if (around != any_one && around != within) return false;
  }
  return inner.done() && outer.done();
}

bool any_matches(const std::vector<std::string>& patterns, std::string_view subject) noexcept {
  return std::ranges::any_of(patterns, [&](std::string_view one) { return matches(one, subject); });
}

bool any_contains(const std::vector<std::string>& patterns, std::string_view narrower) noexcept {
  return std::ranges::any_of(patterns,
                             [&](std::string_view one) { return is_subset(narrower, one); });
}

bool overlap(std::string_view pattern, std::string_view other) noexcept {
  Tokens ones(pattern);
  Tokens others(other);
  while (!ones.done() && !others.done()) {
    const std::string_view one = ones.next();
    const std::string_view another = others.next();
    if (one == any_more || another == any_more) return true;
    if (one != any_one && another != any_one && one != another) return false;
  }
  return ones.done() && others.done();
}

Error not_a_pattern(std::string_view text, std::string operation, std::string where) {
  return {.code = std::make_error_code(std::errc::invalid_argument),
          .operation = std::move(operation),
          .subject = std::move(where),
          .reason = '"' + printable(text) + "\" is not a subject pattern",
          .hint = "tokens between dots; * matches one token, > at the end one or more"};
}

}  // namespace hallway::hub

namespace hallway {

using hub::Tokens;

bool is_subject(ByteView text) noexcept {
  return is_subject_pattern(text) && hub::is_literal(text);
}

// As IsValidSubject of nats-server, where only the space, TAB, CR and LF are white space.
bool is_subject_pattern(ByteView text) noexcept {
  if (hub::has_white_space(text)) return false;
  for (Tokens tokens(text); !tokens.done();) {
    const std::string_view token = tokens.next();
    if (token.empty() || (token == hub::any_more && !tokens.done())) return false;
  }
  return true;
}

bool matches_subject(ByteView pattern, ByteView subject) noexcept {
  return hub::matches(pattern, subject);
}

std::optional<std::string> subjects_in_common(ByteView pattern, ByteView other) {
  if (!hub::overlap(pattern, other)) return std::nullopt;
  std::string common;
  Tokens ones(pattern);
  Tokens others(other);
  ByteView one;
  ByteView another;
  // `>` continues until the other pattern ends.
  while (!ones.done() || !others.done()) {
    if (one != hub::any_more) one = ones.next();
    if (another != hub::any_more) another = others.next();
    const bool narrower = one == hub::any_more || (one == hub::any_one && another != hub::any_more);
    if (!common.empty()) common += '.';
    common += narrower ? another : one;
  }
  return common;
}

InternalPart internal_part_of(ByteView pattern) noexcept {
  if (hub::is_internal(pattern)) return InternalPart::all;
  // A wildcard as the first token also matches other subjects.
  const bool some = pattern == hub::any_more || pattern.starts_with("*.");
  return some ? InternalPart::some : InternalPart::none;
}

}  // namespace hallway
