// SPDX-License-Identifier: Apache-2.0
#include "hub/server/retained_record.hpp"

#include <cassert>
#include <cstring>

#include "subject/subject.hpp"

namespace hallway::hub {

namespace {

struct Head {
  std::int64_t published = 0;  // nanoseconds
  std::uint32_t uid = 0;
  std::uint32_t subject = 0;  // the sizes of the parts
  std::uint32_t header = 0;
  std::uint32_t payload = 0;
};
static_assert(sizeof(Head) == 24, "no padding");

std::uint32_t size_of(ByteView part) {
  assert(part.size() <= UINT32_MAX);
  return static_cast<std::uint32_t>(part.size());
}

/// Whether the text may be the subject of a message.
bool is_publishable(ByteView subject) noexcept {
  return !has_white_space(subject) && !subject.starts_with('.') && !subject.ends_with('.') &&
         !subject.contains("..");
}

}  // namespace

void append_record(const RetainedRecord& record, std::string& out) {
  const Head head{.published = record.published.time_since_epoch().count(),
                  .uid = record.uid,
                  .subject = size_of(record.subject),
                  .header = size_of(record.header),
                  .payload = size_of(record.payload)};
  out.append(reinterpret_cast<const char*>(&head), sizeof head);
  out.append(record.subject).append(record.header).append(record.payload);
}

void RetainedRecordReader::arrive(ByteView piece) {
  bytes_.erase(0, read_);
  read_ = 0;
  bytes_.append(piece);
}

/// @return whether the input begins as it must; false if that is not known yet
bool RetainedRecordReader::read_begin() {
  constexpr ByteView begin = retained_records_begin;
  const ByteView there = ByteView(bytes_).substr(0, begin.size());
  if (!begin.starts_with(there)) state_ = State::invalid;
  if (there != begin) return false;
  read_ = begin.size();
  state_ = State::records;
  return true;
}

std::optional<RetainedRecord> RetainedRecordReader::next() {
  if (state_ == State::begin && !read_begin()) return std::nullopt;
  if (state_ != State::records) return std::nullopt;
  ByteView rest = ByteView(bytes_).substr(read_);
  Head head;
  if (rest.size() < sizeof head) return std::nullopt;
  std::memcpy(&head, rest.data(), sizeof head);
  rest.remove_prefix(sizeof head);
  const std::size_t parts = std::size_t{head.subject} + head.header + head.payload;
  if (rest.size() < parts) return std::nullopt;
  const auto take = [&rest](std::size_t size) {
    const ByteView part = rest.substr(0, size);
    rest.remove_prefix(size);
    return part;
  };
  RetainedRecord record{
      .subject = take(head.subject),
      .header = take(head.header),
      .payload = take(head.payload),
      .uid = head.uid,
      .published = Loop::Clock::time_point(Loop::Clock::duration(head.published))};
  if (record.subject.empty()) {
    state_ = parts == 0 ? State::ended : State::invalid;
    return std::nullopt;
  }
  if (!is_publishable(record.subject)) {
    state_ = State::invalid;
    return std::nullopt;
  }
  read_ += sizeof head + parts;
  return record;
}

}  // namespace hallway::hub
