// SPDX-License-Identifier: Apache-2.0
#include "subject/subject_index.hpp"

#include <algorithm>
#include <utility>

#include "subject/subject.hpp"

namespace hallway::hub {

namespace {

// In the order of the index, the byte that comes first after a dot: nothing below `a.b` is behind
// "a.b" with this byte added, and everything else that follows is.
constexpr char after_dot = '\0';

constexpr int rank(char byte) noexcept {
  return byte == '.' ? -1 : static_cast<int>(static_cast<unsigned char>(byte));
}

/// The tokens in front of the first wildcard, without the dot behind them.
std::string_view literal_part(std::string_view pattern) {
  std::size_t end = 0;
  for (Tokens tokens(pattern); !tokens.done();) {
    const std::string_view token = tokens.next();
    if (token == "*" || token == ">") break;
    end = static_cast<std::size_t>(token.data() + token.size() - pattern.data());
  }
  return pattern.substr(0, end);
}

}  // namespace

bool SubjectIndex::Order::operator()(std::string_view one, std::string_view other) const noexcept {
  const auto [at, at_other] = std::ranges::mismatch(one, other);
  if (at_other == other.end()) return false;
  return at == one.end() || rank(*at) < rank(*at_other);
}

SubjectIndex::Search::Search(std::string pattern)
    : pattern_(std::move(pattern)), position_(literal_part(pattern_)) {}

/// Continues behind all subjects that begin with these tokens.
SubjectIndex::Search::Step SubjectIndex::Search::seek_behind(std::string_view tokens) {
  position_.assign(tokens).append(1, after_dot);
  return Step::seek;
}

SubjectIndex::Search::Step SubjectIndex::Search::step_at(std::string_view subject) {
  Tokens wanted(pattern_);
  Tokens tokens(subject);
  bool varies = false;    // a wildcard of the pattern was passed
  std::size_t begin = 0;  // of the token, in the subject
  while (true) {
    const std::string_view want = wanted.next();
    if (want == ">") return Step::match;
    const std::string_view token = tokens.next();
    if (want == "*") {
      varies = true;
    } else if (want != token) {
      if (Order()(token, want)) {
        position_.assign(subject.substr(0, begin)).append(want);
        return Step::seek;
      }
      return varies ? seek_behind(subject.substr(0, begin - 1)) : Step::end;
    }
    const std::size_t end = begin + token.size();
    if (wanted.done()) {
      if (tokens.done()) return Step::match;
      return varies ? seek_behind(subject.substr(0, end)) : Step::end;
    }
    if (tokens.done()) return Step::skip;  // those below it follow
    begin = end + 1;
  }
}

}  // namespace hallway::hub
