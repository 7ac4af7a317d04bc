// SPDX-License-Identifier: Apache-2.0
//
// Retained values. Any bytes are read as the records of a hub that is taken over: in one piece and
// in many they give the same, and each record that was read is written again byte for byte. And any
// bytes as subjects that come and go: a search of the index finds what a plain list has, however
// often it is interrupted.
#include <algorithm>
#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "hub/server/retained_record.hpp"
#include "input.hpp"
#include "subject/subject.hpp"
#include "subject/subject_index.hpp"

namespace {

using namespace hallway;
using fuzz::require;

struct Read {
  std::string bytes{hub::retained_records_begin};
  std::size_t records = 0;
  bool valid = true;
  bool ended = false;

  friend bool operator==(const Read&, const Read&) = default;
};

Read read_records(std::string_view bytes, std::size_t piece) {
  hub::RetainedRecordReader reader;
  Read read;
  while (!bytes.empty()) {
    reader.arrive(bytes.substr(0, piece));
    bytes.remove_prefix(std::min(piece, bytes.size()));
    while (const auto record = reader.next()) {
      require(!record->subject.empty() && !hub::has_white_space(record->subject));
      hub::append_record(*record, read.bytes);
      ++read.records;
    }
  }
  read.valid = reader.valid();
  read.ended = reader.ended();
  return read;
}

void check_records(fuzz::Input& input) {
  const std::size_t piece = 1 + input.below(64);
  // Without these first bytes, a fuzzer would look for them for long.
  const bool begins = input.chance();
  std::string bytes(begins ? hub::retained_records_begin : std::string_view());
  bytes += input.take_rest();
  const Read whole = read_records(bytes, bytes.size());
  require(whole == read_records(bytes, piece));
  if (whole.records > 0) require(bytes.starts_with(whole.bytes));
  require(!whole.ended || whole.valid);
}

std::string read_subject(fuzz::Input& input, bool pattern) {
  constexpr std::string_view tokens[] = {"a", "b", "aa", "a!", "a/", "*", ">"};
  const std::size_t kind = input.below(16);
  if (kind == 0) return std::string(input.take(input.below(20)));
  std::string subject(tokens[input.below(pattern ? 6 : 7)]);
  for (std::size_t left = kind % 5; left > 0; --left) {
    subject += '.';
    subject += tokens[input.below(pattern && left > 1 ? 6 : 7)];
  }
  return subject;
}

bool has_empty_token(std::string_view subject) {
  return subject.empty() || subject.starts_with('.') || subject.ends_with('.') ||
         subject.find("..") != std::string_view::npos;
}

void check_index(fuzz::Input& input) {
  hub::SubjectIndex index;
  std::map<std::string, hub::Index> list;
  hub::Index next = 0;
  while (!input.used_up()) {
    const std::string subject = read_subject(input, false);
    if (has_empty_token(subject)) continue;
    if (const auto there = list.find(subject); there != list.end()) {
      require(index.find(subject) == there->second);
      index.erase(subject);
      list.erase(there);
    } else {
      require(index.find(subject) == hub::no_index);
      index.insert(subject, next);
      list.emplace(subject, next++);
    }
    require(index.size() == list.size());
    const std::string pattern = read_subject(input, true);
    if (!is_subject_pattern(pattern)) continue;
    std::vector<hub::Index> expected;
    for (const auto& [name, item] : list) {
      if (hub::matches(pattern, name)) expected.push_back(item);
    }
    std::vector<hub::Index> found;
    hub::SubjectIndex::Search search(pattern);
    const std::size_t most = 1 + input.below(4);
    while (search.advance(index, most, [&](hub::Index item) { found.push_back(item); })) {
    }
    std::ranges::sort(expected);
    std::ranges::sort(found);
    require(found == expected);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  if (input.chance()) {
    check_records(input);
  } else {
    check_index(input);
  }
  return 0;
}
