// SPDX-License-Identifier: Apache-2.0
#include "subject/subject.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <hallway/subject.hpp>

namespace hallway::hub {
namespace {

using namespace std::string_view_literals;

/// Every subject of at most `most` tokens out of a, b, `*` and `>`, valid or not.
std::vector<std::string> small_subjects(std::size_t most) {
  std::vector<std::string> made{"a", "b", "*", ">"};
  std::size_t begin = 0;
  for (std::size_t tokens = 1; tokens < most; ++tokens) {
    const std::size_t end = made.size();
    for (std::size_t i = begin; i < end; ++i) {
      for (const char* token : {".a", ".b", ".*", ".>"}) made.push_back(made[i] + token);
    }
    begin = end;
  }
  return made;
}

std::vector<std::string> chosen(std::size_t most, bool (*choose)(std::string_view)) {
  std::vector<std::string> subjects = small_subjects(most);
  std::erase_if(subjects, [choose](const std::string& subject) { return !choose(subject); });
  return subjects;
}

TEST(subject, is_read_token_by_token_with_empty_ones) {
  std::vector<std::string_view> tokens;
  for (Tokens walk("a..bc."); !walk.done();) tokens.push_back(walk.next());
  EXPECT_EQ(tokens, (std::vector{"a"sv, ""sv, "bc"sv, ""sv}));
  EXPECT_EQ(count_tokens("a..bc."), 4U);
  EXPECT_EQ(count_tokens("a"), 1U);
}

// As nats-server 2.9.10 answers SUB, but for white space.
TEST(subject, is_valid_without_empty_tokens_and_with_its_tail_wildcard_at_the_end) {
  for (const std::string_view valid :
       {"foo"sv, "*"sv, ">"sv, "foo.>"sv, "foo.*"sv, "foo*"sv, "*foo"sv, "f>"sv, "foo.>x"sv,
        "*.*"sv, "*>"sv, "foo.**"sv, "foo.*.>"sv, "\xff"sv, "a\1b"sv, "a\x1b"sv, "a\x7f"sv,
        "\xC3\xA0"sv}) {
    EXPECT_TRUE(is_subject_pattern(valid)) << valid;
  }
  for (const std::string_view invalid :
       {""sv, "."sv, "foo."sv, ".foo"sv, "foo..bar"sv, "foo.>.bar"sv, ">.a"sv, ">.>"sv, "a b"sv,
        " "sv, "a\tb"sv, "a\n"sv, "\r"sv, "a\0b"sv, "a\vb"sv, "a.\f"sv}) {
    EXPECT_FALSE(is_subject_pattern(invalid)) << invalid;
  }
}

TEST(subject, has_no_byte_that_any_parser_takes_for_a_blank_or_an_end) {
  const auto utf8 = [](unsigned point) {
    const auto byte = [](unsigned value) { return static_cast<char>(value); };
    if (point < 0x80) return std::string{byte(point)};
    if (point < 0x800) return std::string{byte(0xC0 | point >> 6), byte(0x80 | (point & 0x3F))};
    return std::string{byte(0xE0 | point >> 12), byte(0x80 | (point >> 6 & 0x3F)),
                       byte(0x80 | (point & 0x3F))};
  };
  const std::set<unsigned> white{0,      '\t',   '\n',   '\v',   '\f',   '\r',   0x1c,   0x1d,
                                 0x1e,   0x1f,   ' ',    0x85,   0xA0,   0x1680, 0x2000, 0x2001,
                                 0x2002, 0x2003, 0x2004, 0x2005, 0x2006, 0x2007, 0x2008, 0x2009,
                                 0x200A, 0x2028, 0x2029, 0x202F, 0x205F, 0x3000, 0xFEFF};
  for (unsigned point = 0; point < 0x10000; ++point) {
    const std::string text = "a" + utf8(point) + "b";
    ASSERT_EQ(has_white_space(text), white.contains(point)) << std::hex << point;
  }
  EXPECT_FALSE(has_white_space(""));
  EXPECT_FALSE(has_white_space("\xC2"));  // cut
  EXPECT_FALSE(has_white_space("\xE2\x80"));
}

TEST(subject, is_literal_unless_a_whole_token_is_a_wildcard) {
  for (const std::string_view literal : {"foo"sv, "foo*"sv, "*a.b"sv, "a.>>"sv, "a.b>"sv}) {
    EXPECT_TRUE(is_literal(literal)) << literal;
    EXPECT_TRUE(is_subject(literal)) << literal;
  }
  for (const std::string_view with_wildcard : {"*"sv, ">"sv, "a.*"sv, "*.a"sv, "a.*.b"sv}) {
    EXPECT_FALSE(is_literal(with_wildcard)) << with_wildcard;
    EXPECT_FALSE(is_subject(with_wildcard)) << with_wildcard;
  }
  EXPECT_FALSE(is_subject("a..b"));
}

TEST(subject, wildcards_stand_for_one_token_or_for_all_that_are_left) {
  EXPECT_TRUE(matches("foo.*", "foo.bar"));
  EXPECT_FALSE(matches("foo.*", "foo"));
  EXPECT_FALSE(matches("foo.*", "foo.bar.baz"));
  EXPECT_TRUE(matches("foo.>", "foo.bar.baz"));
  EXPECT_FALSE(matches("foo.>", "foo"));
  EXPECT_TRUE(matches("*.bar.>", "foo.bar.baz"));
  EXPECT_TRUE(matches(">", "foo"));
  EXPECT_FALSE(matches("foo", "foo.bar"));
  EXPECT_FALSE(matches("foo.bar", "foo"));
}

TEST(subject, a_token_that_only_contains_a_wildcard_stands_for_itself) {
  EXPECT_TRUE(matches("foo*", "foo*"));
  EXPECT_FALSE(matches("foo*", "foobar"));
  EXPECT_FALSE(is_subset("foo", "f*"));
  EXPECT_FALSE(overlap("f*", "foo"));
}

TEST(subject, published_with_wildcards_is_taken_at_its_word) {
  EXPECT_TRUE(matches("foo.*", "foo.>"));
  EXPECT_TRUE(matches(">", "*"));
  EXPECT_FALSE(matches("foo.bar", "foo.*"));
}

TEST(subject, with_an_empty_token_matches_nothing) {
  for (const std::string_view broken : {""sv, "foo."sv, "foo..bar"sv, ".foo"sv}) {
    EXPECT_FALSE(matches(">", broken)) << broken;
    EXPECT_FALSE(matches("*.>", broken)) << broken;
  }
}

// Four tokens are enough for a subject that only one of two patterns of three tokens matches.
TEST(subject, is_a_subset_exactly_where_no_literal_contradicts) {
  const auto patterns = chosen(3, is_subject_pattern);
  const auto literals = chosen(4, is_subject);
  for (const std::string& narrower : patterns) {
    for (const std::string& pattern : patterns) {
      bool subset = true;
      bool both = false;
      for (const std::string& literal : literals) {
        const bool inner = matches(narrower, literal);
        const bool outer = matches(pattern, literal);
        subset = subset && (!inner || outer);
        both = both || (inner && outer);
      }
      EXPECT_EQ(is_subset(narrower, pattern), subset) << narrower << " in " << pattern;
      EXPECT_EQ(overlap(narrower, pattern), both) << narrower << " and " << pattern;
    }
  }
}

TEST(subject, is_known_as_internal_in_whole_or_in_part) {
  for (const char* all : {"$SYS.>", "$SYS.HUB.STATS", "$SYS.*", "_HALLWAY.>", "_HALLWAY.*.x"}) {
    EXPECT_EQ(internal_part_of(all), InternalPart::all) << all;
  }
  for (const char* some : {">", "*.>", "*.x", "*.*.x"}) {
    EXPECT_EQ(internal_part_of(some), InternalPart::some) << some;
  }
  for (const char* none : {"a", "*", "$SYS", "_HALLWAY", "$SYSTEM.>", "$JS.>", "a.$SYS.>"}) {
    EXPECT_EQ(internal_part_of(none), InternalPart::none) << none;
  }
}

TEST(subject, has_in_common_with_another_what_both_match) {
  const auto patterns = chosen(3, is_subject_pattern);
  const auto literals = chosen(4, is_subject);
  for (const std::string& one : patterns) {
    for (const std::string& other : patterns) {
      const auto common = subjects_in_common(one, other);
      ASSERT_EQ(common.has_value(), overlap(one, other)) << one << ' ' << other;
      if (!common) continue;
      EXPECT_TRUE(is_subject_pattern(*common)) << one << ' ' << other << ' ' << *common;
      for (const std::string& subject : literals) {
        ASSERT_EQ(matches(*common, subject), matches(one, subject) && matches(other, subject))
            << one << ' ' << other << ' ' << *common << ' ' << subject;
      }
    }
  }
}

}  // namespace
}  // namespace hallway::hub
