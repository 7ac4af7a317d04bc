// SPDX-License-Identifier: Apache-2.0
#include "core/printable.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace hallway::core {
namespace {

TEST(printable, leaves_printable_ascii_as_it_is) {
  EXPECT_EQ(printable("/tmp/a file (1).sock ~"), "/tmp/a file (1).sock ~");
  EXPECT_EQ(printable(""), "");
}

TEST(printable, doubles_a_backslash) { EXPECT_EQ(printable("a\\x41"), "a\\\\x41"); }

TEST(printable, escapes_what_could_steer_a_terminal) {
  EXPECT_EQ(printable("\x1b]0;title\x07"), "\\x1b]0;title\\x07");
  EXPECT_EQ(printable("two\nlines\r\t"), "two\\x0alines\\x0d\\x09");
  EXPECT_EQ(printable("\x7f"), "\\x7f");
  EXPECT_EQ(printable("\xc2\x9b"), "\\xc2\\x9b");  // C1 in UTF-8
  const std::string right_to_left{'\xe2', '\x80', '\xae'};
  EXPECT_EQ(printable(right_to_left), "\\xe2\\x80\\xae");
}

TEST(printable, escapes_nul_and_goes_on_after_it) {
  EXPECT_EQ(printable(ByteView("a\0b", 3)), "a\\x00b");
}

TEST(printable, gives_every_byte_a_text_of_its_own_without_control_characters) {
  std::set<std::string> texts;
  for (int value = 0; value < 256; ++value) {
    const char byte = static_cast<char>(value);
    const std::string text = printable(ByteView(&byte, 1));
    for (const char character : text) {
      EXPECT_GE(character, 0x20) << value;
      EXPECT_LT(character, 0x7f) << value;
    }
    texts.insert(text);
  }
  EXPECT_EQ(texts.size(), 256U);
}

}  // namespace
}  // namespace hallway::core
