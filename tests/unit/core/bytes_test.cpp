// SPDX-License-Identifier: Apache-2.0
#include <hallway/bytes.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <initializer_list>
#include <set>
#include <string>

namespace hallway {
namespace {

/// The code points of a text that is UTF-8, and nothing else.
std::u32string decoded(const std::string& text) {
  std::u32string points;
  for (std::size_t at = 0; at < text.size();) {
    const auto first = static_cast<unsigned char>(text[at]);
    const std::size_t size =
        1U + (first >= 0xC0 ? 1U : 0U) + (first >= 0xE0 ? 1U : 0U) + (first >= 0xF0 ? 1U : 0U);
    char32_t value = size == 1 ? first : first & (0x7FU >> size);
    for (std::size_t next = at + 1; next < at + size; ++next) {
      value = value << 6U | (static_cast<unsigned char>(text.at(next)) & 0x3FU);
    }
    points += value;
    at += size;
  }
  return points;
}

/// Whether a terminal can only show it: no control, no separator, nothing that turns writing.
bool is_harmless(const std::string& text) {
  const std::u32string_view turning =
      U"\u061c\u200e\u200f\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069";
  return is_utf8(text) && std::ranges::none_of(decoded(text), [&](char32_t point) {
           return point < 0x20 || (point >= 0x7F && point < 0xA0) || turning.contains(point);
         });
}

TEST(printable, leaves_text_of_any_language_as_it_is) {
  for (const std::string text :
       {"", "/tmp/a file (1).sock ~", "größer 日本 🚪", "עברית", "C:\\dir"}) {
    EXPECT_EQ(printable(text), text);
  }
}

TEST(printable, escapes_what_could_steer_a_terminal) {
  EXPECT_EQ(printable("\x1b]0;title\x07"), "\\x1b]0;title\\x07");
  EXPECT_EQ(printable("two\nlines\r\t"), "two\\nlines\\r\\t");
  EXPECT_EQ(printable("\x7f"), "\\x7f");
  EXPECT_EQ(printable("\xc2\x9b"), "\\u009b");  // C1 in UTF-8: begins a sequence like ESC [
  EXPECT_EQ(printable("\x9b"), "\\x9b");        // and in Latin-1
  // NOLINTNEXTLINE(misc-misleading-bidirectional): that is the question
  EXPECT_EQ(printable("\u202egnp.exe"), "\\u202egnp.exe");
  EXPECT_EQ(printable("\u2028"), "\\u2028");
}

TEST(printable, escapes_nul_and_goes_on_after_it) {
  EXPECT_EQ(printable(ByteView("a\0b", 3)), "a\\0b");
}

TEST(printable, escapes_bytes_that_are_not_utf8_one_by_one) {
  EXPECT_EQ(printable("\xff"), "\\xff");
  EXPECT_EQ(printable("\xc0\xaf"), "\\xc0\\xaf");                    // an overlong slash
  EXPECT_EQ(printable("\xed\xa0\x80"), "\\xed\\xa0\\x80");           // a surrogate
  EXPECT_EQ(printable("\xf5\x80\x80\x80"), "\\xf5\\x80\\x80\\x80");  // above U+10FFFF
  EXPECT_EQ(printable("\xe6\x97"), "\\xe6\\x97");                    // cut off
}

TEST(printable, makes_every_byte_harmless_wherever_it_stands) {
  std::set<std::string> texts;
  // Alone, before and after text, and within code points of each length.
  const std::initializer_list<std::string> places{"", "a", "\xc3", "\xe6\x97", "\xf0\x9f\x9a", "é"};
  for (const std::string& before : places) {
    for (const std::string after : {"", "a", "\x9b", "\xa0", "\x9b\x31m"}) {
      for (int value = 0; value < 256; ++value) {
        const std::string bytes = before + static_cast<char>(value) + after;
        EXPECT_TRUE(is_harmless(printable(bytes))) << testing::PrintToString(bytes);
        if (before.empty() && after.empty()) texts.insert(printable(bytes));
      }
    }
  }
  EXPECT_EQ(texts.size(), 256U);
}

TEST(printable, done_twice_does_no_more) {
  // NOLINTNEXTLINE(misc-misleading-bidirectional): that is the question
  for (const std::string text : {"\x1b[2J", "a\\x41", "\xff", "\u202e"}) {
    EXPECT_EQ(printable(printable(text)), printable(text));
  }
}

TEST(base64, pads_to_four_digits) {
  EXPECT_EQ(base64(""), "");
  EXPECT_EQ(base64("f"), "Zg==");
  EXPECT_EQ(base64("fo"), "Zm8=");
  EXPECT_EQ(base64("foo"), "Zm9v");
  EXPECT_EQ(base64("\xff\xfe\xfd\xfc"), "//79/A==");
}

TEST(is_utf8, knows_text_from_bytes) {
  EXPECT_TRUE(is_utf8(""));
  EXPECT_TRUE(is_utf8("größer 日本 🚪\x1b"));
  EXPECT_FALSE(is_utf8("\xff"));
  EXPECT_FALSE(is_utf8("日本\xe6\x97"));
  EXPECT_FALSE(is_utf8("\xed\xa0\x80"));
}

}  // namespace
}  // namespace hallway
