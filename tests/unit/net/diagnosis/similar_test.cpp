// SPDX-License-Identifier: Apache-2.0
#include "net/diagnosis/similar.hpp"
#include "net/diagnosis/words.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace hallway::net {
namespace {

using Why = SimilarName::Why;

std::vector<std::string> names_like(const std::string& wanted,
                                    const std::vector<Candidate>& candidates) {
  const auto address = Address::parse(wanted);
  const bool is_path = address->kind() == Address::Kind::path;
  std::vector<std::string> names;
  for (const auto& similar :
       similar_names(*address, is_path ? address->name() : "", candidates, 5)) {
    names.push_back(similar.name);
  }
  return names;
}

Why why_like(const std::string& wanted, const std::string& candidate, bool abstract = false) {
  const auto address = Address::parse(wanted);
  const bool is_path = address->kind() == Address::Kind::path;
  const auto similar = similar_names(*address, is_path ? address->name() : "",
                                     {{.name = candidate, .abstract = abstract}}, 1);
  EXPECT_EQ(similar.size(), 1U) << wanted << " " << candidate;
  return similar.empty() ? Why::nearby : similar.front().why;
}

TEST(similar_names, have_invisible_characters) {
  EXPECT_TRUE(net::has_invisible("app\xe2\x80\x8b.sock"));
  EXPECT_FALSE(net::has_invisible("cafe\xcc\x81"));
  EXPECT_EQ(net::shell_quoted("a\xe2\x80\x8b"), "$'a\\xe2\\x80\\x8b'");
}

TEST(similar_names, differ_by_blanks_case_or_looks) {
  EXPECT_EQ(likeness("x.sock", "x.sock "), Why::blank);
  EXPECT_EQ(likeness("x.sock", "\tx.sock\n"), Why::blank);
  EXPECT_EQ(likeness("x.sock", "X.Sock"), Why::letter_case);
  EXPECT_EQ(likeness("app.sock", "\xd0\xb0pp.sock"), Why::lookalike);       // a of Cyrillic
  EXPECT_EQ(likeness("app.sock", "app\xe2\x80\x8b.sock"), Why::lookalike);  // zero width
  EXPECT_EQ(likeness("a-b",
                     "a\xe2\x80\x93"
                     "b"),
            Why::lookalike);                                           // a long dash
  EXPECT_EQ(likeness("x.sock", "x.sock\xc2\xa0"), Why::lookalike);     // a blank of Latin-1
  EXPECT_EQ(likeness("caf\xc3\xa9", "cafe\xcc\x81"), Why::lookalike);  // NFC and NFD
  EXPECT_EQ(likeness("app1", "appl"), Why::lookalike);
}

TEST(similar_names, differ_by_a_typing_error) {
  EXPECT_EQ(likeness("app.sock", "ap.sock"), Why::typing_error);
  EXPECT_EQ(likeness("app.sock", "apps.sock"), Why::typing_error);
  EXPECT_EQ(likeness("app.sock", "app.scok"), Why::typing_error);
  EXPECT_FALSE(likeness("app.sock", "web.sock"));
  EXPECT_FALSE(likeness("a", "b"));
  EXPECT_FALSE(likeness("same", "same"));
  EXPECT_FALSE(likeness("", "x"));
}

TEST(similar_names, of_any_bytes_are_compared) {
  EXPECT_EQ(as_it_looks("\xff\xc3"), "\xff\xc3");
  EXPECT_FALSE(likeness("\xff\xfe\xfd", "abc"));
  const std::string long_name(100'000, 'a');
  EXPECT_EQ(edit_distance(long_name, "a", 3), 3U);
  EXPECT_EQ(edit_distance("kitten", "sitting", 10), 3U);
  EXPECT_EQ(edit_distance("ab", "ba", 10), 1U);
  EXPECT_EQ(edit_distance("", "abc", 10), 3U);
}

TEST(similar_names, of_another_form_are_found) {
  EXPECT_EQ(why_like("@app", "/x/@app"), Why::other_form);
  EXPECT_EQ(why_like("@app", "/run/app"), Why::other_form);
  EXPECT_EQ(why_like("@/run/app", "/run/app"), Why::other_form);
  EXPECT_EQ(why_like("/run/app", "@/run/app", true), Why::other_form);
  EXPECT_EQ(why_like("./@app", "@app", true), Why::other_form);
}

TEST(similar_names, are_padded_or_cut_off) {
  EXPECT_EQ(why_like("@app", "@app@@@@", true), Why::padded);
  const std::string path = "/" + std::string(150, 'n');
  EXPECT_EQ(why_like(path, path.substr(0, 107)), Why::cut_off);
  EXPECT_EQ(why_like(path, path.substr(0, 108)), Why::cut_off);
}

TEST(similar_names, in_another_directory_differ_by_little_in_all) {
  EXPECT_EQ(why_like("/rum/app.sock", "/run/app.sock"), Why::typing_error);
  EXPECT_THAT(names_like("/run/app.sock", {{.name = "/tmp/other"}}), testing::IsEmpty());
}

TEST(similar_names, come_closest_first_and_once) {
  EXPECT_THAT(names_like("/run/app.sock", {{.name = "/run/far"},
                                           {.name = "/run/ap.sock"},
                                           {.name = "/run/app.sock "},
                                           {.name = "/run/aap.sock", .alive = true},
                                           {.name = "/run/far", .alive = true}}),
              testing::ElementsAre("/run/app.sock ", "/run/aap.sock", "/run/ap.sock", "/run/far"));
  const auto address = Address::parse("/run/a");
  EXPECT_EQ(similar_names(*address, "/run/a", {{.name = "/run/x"}, {.name = "/run/y"}}, 1).size(),
            1U);
}

}  // namespace
}  // namespace hallway::net
