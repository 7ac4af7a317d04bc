// SPDX-License-Identifier: Apache-2.0
#include "wire/nats_header.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace hallway::nats {
namespace {

using namespace std::string_literals;

HeaderBlock parsed(ByteView block) {
  const auto header = HeaderBlock::parse(block);
  EXPECT_TRUE(header) << printable(block);
  return header.value_or(HeaderBlock());
}

std::string with_all(const HeaderBlock& header, const std::vector<HeaderField>& fields) {
  std::vector<char> bytes(header.size_with(fields));
  EXPECT_EQ(header.write_with(fields, bytes.data()), bytes.data() + bytes.size());
  return {bytes.begin(), bytes.end()};
}
std::string with(const HeaderBlock& header, HeaderField field) { return with_all(header, {field}); }

std::vector<std::string> fields_of(const HeaderBlock& header) {
  std::vector<std::string> fields;
  header.for_each([&](HeaderField field) {
    fields.push_back(std::string(field.name) + '=' + std::string(field.value));
  });
  return fields;
}

TEST(nats_header, reads_status_and_description) {
  const HeaderBlock plain = parsed(no_responders_header);
  EXPECT_EQ(plain.status(), "503");
  EXPECT_EQ(plain.description(), "");
  const HeaderBlock described = parsed("NATS/1.0  409  Message Size Exceeds \r\n\r\n");
  EXPECT_EQ(described.status(), "409");
  EXPECT_EQ(described.description(), "Message Size Exceeds");
  for (const ByteView none : {"NATS/1.0\r\n\r\n", "NATS/1.0 \r\n\r\n"}) {
    EXPECT_EQ(parsed(none).status(), "");
    EXPECT_EQ(parsed(none).description(), "");
  }
}

TEST(nats_header, reads_fields_in_their_order_without_the_blanks_around_them) {
  const HeaderBlock header =
      parsed("NATS/1.0 100\r\nA: one\r\na:two\r\nB:\t \r\nA: \t three: 3 \t\r\n\r\n");
  EXPECT_EQ(fields_of(header), (std::vector<std::string>{"A=one", "a=two", "B=", "A=three: 3"}));
}

TEST(nats_header, finds_the_first_value_of_a_name_whose_case_counts) {
  const HeaderBlock header = parsed("NATS/1.0\r\nAA: no\r\na: small\r\nA: 1\r\nA: 2\r\nB:\r\n\r\n");
  EXPECT_EQ(header.find("A"), "1");
  EXPECT_EQ(header.find("a"), "small");
  EXPECT_EQ(header.find("B"), "");
  EXPECT_EQ(header.find("b"), std::nullopt);
  EXPECT_EQ(header.find(""), std::nullopt);
}

TEST(nats_header, refuses_what_is_not_a_block) {
  const std::string block = "NATS/1.0 503 None\r\nA: 1\r\nB: 2\r\n\r\n";
  EXPECT_TRUE(HeaderBlock::parse(block));
  for (std::size_t size = 0; size < block.size(); ++size) {
    EXPECT_FALSE(HeaderBlock::parse(ByteView(block).substr(0, size))) << size;
  }
  for (const std::string wrong :
       {"NATS/1.0503\r\n\r\n", "NATS/1.1\r\n\r\n", "nats/1.0\r\n\r\n", "NATS/1.0\n\r\n\r\n",
        "NATS/1.0 5\r03\r\n\r\n", "NATS/1.0\r\n\r\n\r\n", "NATS/1.0\r\nno colon\r\n\r\n",
        "NATS/1.0\r\n: no name\r\n\r\n", "NATS/1.0\r\nA : 1\r\n\r\n", "NATS/1.0\r\n A: 1\r\n\r\n",
        "NATS/1.0\r\nA: 1\nB: 2\r\n\r\n", "NATS/1.0\r\nA: 1\rB\r\n\r\n",
        "NATS/1.0\r\nA: 1\r\n\r\nB: 2\r\n\r\n", "NATS/1.0\r\nA: 1\r\n\r\nx"}) {
    EXPECT_FALSE(HeaderBlock::parse(wrong)) << printable(wrong);
  }
}

TEST(nats_header, adds_a_field_to_what_there_is) {
  EXPECT_EQ(with({}, {"Uid", "1000"}), "NATS/1.0\r\nUid: 1000\r\n\r\n");
  EXPECT_EQ(with(parsed("NATS/1.0 503 None\r\nA:1 \r\n\r\n"), {"Uid", "1000"}),
            "NATS/1.0 503 None\r\nA:1 \r\nUid: 1000\r\n\r\n");
  EXPECT_EQ(with({}, {"Empty", ""}), "NATS/1.0\r\n\r\n");
}

TEST(nats_header, leaves_no_field_that_pretends_to_be_the_one_it_adds) {
  const HeaderBlock forged =
      parsed("NATS/1.0\r\nUid: 0\r\nUid2: 2\r\nuID:0\r\nUi: 3\r\nUID: 0\r\n\r\n");
  EXPECT_EQ(with(forged, {"Uid", "1000"}), "NATS/1.0\r\nUid2: 2\r\nUi: 3\r\nUid: 1000\r\n\r\n");
}

TEST(nats_header, reads_what_it_has_written) {
  const std::string once = with({}, {"A", "1"});
  const std::string twice = with(parsed(once), {"B", "2"});
  EXPECT_EQ(fields_of(parsed(twice)), (std::vector<std::string>{"A=1", "B=2"}));
}

TEST(nats_header, replaces_several_fields_at_once) {
  const HeaderBlock header = parsed("NATS/1.0\r\nA: 1\r\nHALLWAY-UID: 0\r\nb: 2\r\n\r\n");
  const std::vector<HeaderField> fields{{"Hallway-Uid", "1000"}, {"B", ""}, {"C", "3"}};
  EXPECT_EQ(with_all(header, fields), "NATS/1.0\r\nA: 1\r\nHallway-Uid: 1000\r\nC: 3\r\n\r\n");
  EXPECT_TRUE(header.has_any_of(fields));
  EXPECT_FALSE(header.has_any_of(std::vector<HeaderField>{{"C", ""}, {"Hallway", ""}}));
  EXPECT_FALSE(HeaderBlock().has_any_of(fields));
}

}  // namespace
}  // namespace hallway::nats
