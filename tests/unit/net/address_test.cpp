// SPDX-License-Identifier: Apache-2.0
#include <hallway/address.hpp>

#include <gtest/gtest.h>

#include <ostream>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace hallway {

static void PrintTo(const Address& address, std::ostream* out) { *out << address.to_string(); }

namespace {

using Kind = Address::Kind;
using namespace std::string_literals;
using namespace std::string_view_literals;

Address parsed(std::string_view text) {
  const auto address = Address::parse(text);
  EXPECT_TRUE(address) << text;
  return address.value_or(Address());
}

std::error_code error_of(std::string_view text) {
  const auto address = Address::parse(text);
  EXPECT_FALSE(address) << text << " was taken for " << (address ? address->to_string() : "");
  return address ? std::error_code() : address.error().code;
}

TEST(address, reads_a_path_in_every_spelling) {
  const std::vector<std::pair<std::string, std::string>> spellings{{"/tmp/x", "/tmp/x"},
                                                                   {"./x", "./x"},
                                                                   {"x", "x"},
                                                                   {"../x", "../x"},
                                                                   {"unix:/tmp/x", "/tmp/x"},
                                                                   {"unix:///tmp/x", "/tmp/x"},
                                                                   {"unix:x", "x"},
                                                                   {"unix:./x", "./x"},
                                                                   {"./@x", "./@x"},
                                                                   {"unix:@x", "@x"},
                                                                   {"/a b:c", "/a b:c"},
                                                                   {"./tcp:x", "./tcp:x"},
                                                                   {"C:x", "C:x"},
                                                                   {":x", ":x"}};
  for (const auto& [text, path] : spellings) {
    EXPECT_EQ(parsed(text).kind(), Kind::path) << text;
    EXPECT_EQ(parsed(text).name(), path) << text;
  }
}

TEST(address, reads_an_abstract_name_in_every_spelling) {
  for (const char* text : {"@name", "abstract:name", "unix-abstract:name"}) {
    EXPECT_EQ(parsed(text).kind(), Kind::abstract) << text;
    EXPECT_EQ(parsed(text).name(), "name") << text;
  }
  EXPECT_EQ(parsed("@@x").name(), "@x");
  EXPECT_EQ(parsed("@a\0b"sv).name(), "a\0b"sv);
}

TEST(address, reads_a_descriptor_and_nothing_like_it) {
  EXPECT_EQ(parsed("fd:3").kind(), Kind::descriptor);
  EXPECT_EQ(parsed("fd:3").descriptor(), 3);
  EXPECT_EQ(parsed("fd:0").descriptor(), 0);
  for (const char* text : {"fd:", "fd:x", "fd:-1", "fd:3x", "fd: 3", "fd:99999999999"}) {
    EXPECT_EQ(error_of(text), std::errc::invalid_argument) << text;
  }
}

TEST(address, reads_what_socket_activation_hands_over) {
  EXPECT_EQ(parsed("activation").kind(), Kind::activation);
  EXPECT_EQ(parsed("activation").name(), "");
  EXPECT_EQ(parsed("activation:web").name(), "web");
}

TEST(address, reads_a_command_and_splits_it_at_blanks) {
  const Address address = parsed("exec:./worker --fast  now");
  EXPECT_EQ(address.kind(), Kind::exec);
  EXPECT_EQ(address.command(), (std::vector<std::string>{"./worker", "--fast", "now"}));
  EXPECT_EQ(error_of("exec:"), std::errc::invalid_argument);
  EXPECT_EQ(error_of("exec: \t"), std::errc::invalid_argument);
  EXPECT_EQ(error_of("exec: \t\n\r"), std::errc::invalid_argument);
}

TEST(address, reads_autobind_and_is_unnamed_at_first) {
  EXPECT_EQ(parsed("autobind").kind(), Kind::autobind);
  EXPECT_EQ(Address().kind(), Kind::unnamed);
  EXPECT_EQ(Address::autobind(), parsed("autobind"));
}

TEST(address, refuses_a_nul_byte_in_a_path) {
  for (const std::string_view text : {"nul\0evil"sv, "/tmp/x\0"sv, "\0"sv, "unix:/a\0b"sv}) {
    EXPECT_EQ(error_of(text), std::errc::invalid_argument);
  }
  EXPECT_FALSE(Address::path("a\0b"sv));
}

TEST(address, refuses_nothing_at_all) {
  for (const char* text : {"", "unix:", "@", "abstract:"}) {
    EXPECT_EQ(error_of(text), std::errc::invalid_argument) << text;
  }
  EXPECT_FALSE(Address::path(""));
  EXPECT_FALSE(Address::abstract(""));
}

TEST(address, refuses_an_unknown_scheme_and_suggests_how_to_name_such_a_file) {
  const auto address = Address::parse("tcp:localhost:80");
  ASSERT_FALSE(address);
  EXPECT_EQ(address.error().code, std::errc::invalid_argument);
  EXPECT_NE(address.error().explain().find("tcp"), std::string::npos);
  EXPECT_NE(address.error().hint.find("./tcp:localhost:80"), std::string::npos);
  for (const char* text : {"tcp:a:1", "nats://a:1", "tls://a:1", "http://a", "https://a"}) {
    const auto network = Address::parse(text);
    ASSERT_FALSE(network);
    EXPECT_NE(network.error().explain().find("not of TCP"), std::string::npos) << text;
    EXPECT_NE(network.error().hint.find("--listen"), std::string::npos) << text;
  }
}

TEST(address, takes_abstract_names_of_1_to_107_bytes) {
  EXPECT_TRUE(Address::abstract("x"));
  EXPECT_TRUE(Address::abstract(std::string(107, '\0')));
  const auto too_long = Address::abstract(std::string(108, 'x'));
  ASSERT_FALSE(too_long);
  EXPECT_EQ(too_long.error().code, std::errc::filename_too_long);
  EXPECT_EQ(error_of("@" + std::string(108, 'x')), std::errc::filename_too_long);
}

TEST(address, takes_paths_of_any_length) {
  EXPECT_EQ(parsed("/" + std::string(5000, 'x')).name().size(), 5001U);
}

TEST(address, prints_one_form) {
  EXPECT_EQ(parsed("/tmp/x").to_string(), "unix:/tmp/x");
  EXPECT_EQ(parsed("unix:///tmp/x").to_string(), "unix:/tmp/x");
  EXPECT_EQ(parsed("@n").to_string(), "abstract:n");
  EXPECT_EQ(parsed("fd:3").to_string(), "fd:3");
  EXPECT_EQ(parsed("activation").to_string(), "activation");
  EXPECT_EQ(parsed("activation:web").to_string(), "activation:web");
  EXPECT_EQ(parsed("exec:./w a").to_string(), "exec:./w a");
  EXPECT_EQ(parsed("autobind").to_string(), "autobind");
}

TEST(address, escapes_bytes_that_could_upset_a_terminal) {
  EXPECT_EQ(parsed("/tmp/a\nb\x1b[2J").to_string(), "unix:/tmp/a\\nb\\x1b[2J");
  EXPECT_EQ(parsed("@a\0b"sv).to_string(), "abstract:a\\0b");
  const auto refused = Address::parse("tcp:\x1b[2J");
  ASSERT_FALSE(refused);
  EXPECT_EQ((refused.error().explain() + refused.error().hint).find('\x1b'), std::string::npos);
}

TEST(address, reads_back_what_it_prints) {
  for (const char* text :
       {"/tmp/x", "x", "./@x", "./unix:x", "unix:@x", "@n", "@@n", "fd:7", "activation",
        "activation:a", "exec:sh -c x", "autobind", "./autobind", "unix:autobind"}) {
    const Address address = parsed(text);
    EXPECT_EQ(parsed(address.to_string()), address) << text;
  }
}

TEST(address, unescaped_is_the_same_form_and_is_read_back_whatever_its_name) {
  EXPECT_EQ(parsed("/tmp/a\nb\xff\\x01").unescaped(), "unix:/tmp/a\nb\xff\\x01");
  for (const std::string_view text : {"/tmp/\x1b\xff"sv, "@a\0b"sv, "@\\0"sv, "fd:7"sv,
                                      "autobind"sv, "activation:\t"sv, "exec:printf \x01"sv}) {
    const Address address = parsed(text);
    EXPECT_EQ(parsed(address.unescaped()), address) << text;
  }
}

TEST(address, equals_what_is_spelled_differently_and_means_the_same) {
  EXPECT_EQ(parsed("/p"), parsed("unix:///p"));
  EXPECT_EQ(parsed("@n"), parsed("unix-abstract:n"));
  EXPECT_FALSE(parsed("n") == parsed("@n"));
}

TEST(address, survives_random_text) {
  std::mt19937 random(1);  // NOLINT(cert-msc51-cpp): the same every time, on purpose
  constexpr std::string_view alphabet("unixabstrcfdexvo:/@.-\0\n 3"sv);
  for (int round = 0; round < 50'000; ++round) {
    std::string text(random() % 14, '?');
    for (char& letter : text) letter = alphabet[random() % alphabet.size()];
    const auto address = Address::parse(text);
    const std::string printed = address ? address->to_string() : address.error().explain();
    for (const char letter : printed) ASSERT_GE(letter, 0x20);
    if (address && address->kind() == Kind::path) {
      ASSERT_EQ(address->name().find('\0'), std::string::npos);
    }
  }
}

TEST(address_spec, carries_what_could_not_be_parsed_to_the_function_it_is_given_to) {
  const AddressSpec bad = "";
  EXPECT_FALSE(bad.get());
  const AddressSpec good = "/x"s;
  EXPECT_EQ(*good.get(), parsed("/x"));
  EXPECT_EQ(*AddressSpec(parsed("@n")).get(), parsed("@n"));
  EXPECT_EQ(*AddressSpec("@n"sv).get(), parsed("@n"));
}

}  // namespace
}  // namespace hallway
