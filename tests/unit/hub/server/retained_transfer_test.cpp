// SPDX-License-Identifier: Apache-2.0
#include "hub/server/retained_transfer.hpp"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "support/faults.hpp"
#include "support/raw_socket.hpp"
#include "support/waiting.hpp"

namespace hallway::hub {
namespace {

using namespace std::chrono_literals;

constexpr Loop::Clock::time_point at(int seconds) {
  return Loop::Clock::time_point(std::chrono::seconds(seconds));
}

RetainedRecord record(std::string_view subject, std::string_view payload, int seconds = 1) {
  return {.subject = subject,
          .header = "NATS/1.0\r\n\r\n",
          .payload = payload,
          .uid = 7,
          .published = at(seconds)};
}

std::string bytes_of(const std::vector<RetainedRecord>& records, bool end = true) {
  std::string bytes(retained_records_begin);
  for (const RetainedRecord& one : records) append_record(one, bytes);
  if (end) append_record({}, bytes);
  return bytes;
}

std::string words(const RetainedRecord& one) {
  return std::string(one.subject) + '=' + std::string(one.payload);
}

// Records ----------------------------------------------------------------------------------------

TEST(retained_record, is_read_as_it_was_written_from_pieces_of_any_size) {
  const std::string bytes = bytes_of({record("a", "1", 5), record("b.c", ""), record("d", "4")});
  for (std::size_t piece = 1; piece <= bytes.size(); ++piece) {
    RetainedRecordReader reader;
    std::vector<std::string> read;
    for (std::size_t begin = 0; begin < bytes.size(); begin += piece) {
      EXPECT_FALSE(reader.ended());
      reader.arrive(std::string_view(bytes).substr(begin, piece));
      while (const auto one = reader.next()) {
        EXPECT_EQ(one->header, "NATS/1.0\r\n\r\n");
        EXPECT_EQ(one->uid, 7U);
        EXPECT_EQ(one->published, at(read.empty() ? 5 : 1));
        read.push_back(words(*one));
      }
      EXPECT_TRUE(reader.valid());
    }
    EXPECT_EQ(read, (std::vector<std::string>{"a=1", "b.c=", "d=4"}));
    EXPECT_TRUE(reader.ended());
  }
}

TEST(retained_record, refuses_what_is_not_a_list_of_values) {
  std::string with_subject = bytes_of({record("a b", "1")});
  std::string with_wrong_end = bytes_of({}, false);
  append_record({.subject = {}, .header = {}, .payload = "1"}, with_wrong_end);
  for (const std::string& bytes : {std::string("hallway retained 2\n"), std::string("x"),
                                   with_subject, with_wrong_end, bytes_of({record("a..b", "1")}),
                                   bytes_of({record(".a", "1")}), bytes_of({record("a.", "1")})}) {
    RetainedRecordReader reader;
    reader.arrive(bytes);
    EXPECT_FALSE(reader.next()) << bytes;
    EXPECT_FALSE(reader.valid()) << bytes;
    reader.arrive(bytes_of({record("a", "1")}));
    EXPECT_FALSE(reader.next()) << bytes;
  }
}

// Transfer ---------------------------------------------------------------------------------------

class RetainedTransfer : public testing::Test {
 protected:
  RetainedTransfer() { values.set_rules({{.subjects = {">"}}}); }

  void put(std::string_view subject, std::string_view payload) {
    values.put({.subject = subject, .header = {}, .payload = payload, .uid = 7}, at(1));
  }
  void add(std::string_view subject, std::string_view payload) {
    exporting.add({.subject = subject, .header = {}, .payload = payload, .uid = 7}, at(1));
  }
  bool until_taken(const std::vector<std::string>& expected) {
    return test::run_until(loop, [&] { return taken == expected; });
  }
  /// A file with these bytes.
  static Descriptor file_with(std::string_view bytes) {
    Descriptor file = Descriptor::adopt(::memfd_create("test", MFD_CLOEXEC));
    EXPECT_EQ(::write(file.get(), bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
    return file;
  }

  Loop loop;
  RetainedValues values;
  RetainedExport exporting;
  std::vector<std::string> taken;
  RetainedImport importing{loop.core(),
                           [this](const RetainedRecord& one) { taken.push_back(words(one)); }};
};

TEST_F(RetainedTransfer, passes_all_values_in_order_and_then_what_is_added) {
  const std::string large(mebibyte, '.');
  put("b", "1");
  put("a", large);
  put("c", "3");
  put("b", "4");
  EXPECT_FALSE(exporting.active());
  importing.begin(exporting.begin(values));
  EXPECT_TRUE(exporting.active());
  std::vector<std::string> expected{"a=" + large, "c=3", "b=4"};
  EXPECT_EQ(taken, expected);
  add("d", "5");
  add("a", "");
  expected.insert(expected.end(), {"d=5", "a="});
  EXPECT_TRUE(until_taken(expected));
}

TEST_F(RetainedTransfer, ends_with_the_hub_that_is_taken_over) {
  Descriptor file;
  {
    RetainedExport ending;
    file = ending.begin(values);
    ending.add({.subject = "a", .header = {}, .payload = "1"}, at(1));
  }
  const int number = file.get();
  importing.begin(std::move(file));
  EXPECT_EQ(taken, std::vector<std::string>{"a=1"});
  EXPECT_FALSE(test::is_open(number));  // it does not look for more
}

TEST_F(RetainedTransfer, takes_what_is_whole_of_what_is_not_valid) {
  importing.begin(file_with(bytes_of({record("a", "1"), record("b b", "2"), record("c", "3")})));
  EXPECT_EQ(taken, std::vector<std::string>{"a=1"});
  importing.begin(file_with("something else"));
  EXPECT_EQ(taken.size(), 1U);
  importing.begin(file_with(""));
  EXPECT_EQ(taken.size(), 1U);
}

TEST_F(RetainedTransfer, begins_again_with_each_successor) {
  put("a", "1");
  const Descriptor failed = exporting.begin(values);
  put("a", "2");
  add("a", "2");
  importing.begin(exporting.begin(values));
  EXPECT_EQ(taken, std::vector<std::string>{"a=2"});
}

TEST_F(RetainedTransfer, adds_no_more_than_its_bound) {
  const std::string payload(mebibyte, '.');
  const Descriptor file = exporting.begin(values);
  std::size_t added = 0;
  for (; exporting.active(); ++added) add("a", payload);
  EXPECT_EQ(added, RetainedExport::max_added_bytes / mebibyte);
  EXPECT_LE(::lseek(file.get(), 0, SEEK_END),
            static_cast<off_t>(RetainedExport::max_added_bytes + 100));
}

TEST_F(RetainedTransfer, passes_nothing_without_a_file) {
  put("a", "1");
  for (const sys::Call call : {sys::Call::open, sys::Call::write, sys::Call::fcntl}) {
    const test::FaultOn failing(call, 1, ENOSPC);
    EXPECT_FALSE(exporting.begin(values).holds_one());
    EXPECT_FALSE(exporting.active());
  }
}

TEST_F(RetainedTransfer, a_file_that_cannot_be_read_imports_nothing) {
  put("a", "1");
  Descriptor file = exporting.begin(values);
  const test::FaultOn failing(sys::Call::read, 1, EIO);
  importing.begin(std::move(file));
  EXPECT_TRUE(taken.empty());
}

}  // namespace
}  // namespace hallway::hub
