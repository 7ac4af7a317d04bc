// SPDX-License-Identifier: Apache-2.0
//
// Retained values as bytes, for the hub that takes over. The bytes are those of one machine and one
// boot: numbers are in its byte order, and times are of its monotonic clock.
//
//     "hallway retained 1\n"
//     records
//     the end: a record without a subject
//
// A record is a fixed head, and then the subject, the header and the payload. This file only
// formats and parses. Input comes from another process and may be anything.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include <hallway/bytes.hpp>
#include <hallway/loop.hpp>

namespace hallway::hub {

inline constexpr ByteView retained_records_begin = "hallway retained 1\n";

struct RetainedRecord {
  ByteView subject;  ///< empty: the end
  ByteView header;
  ByteView payload;  ///< empty: the subject has no value
  std::uint32_t uid = 0;
  Loop::Clock::time_point published = {};
};

/// Precondition: each part is shorter than 4 GiB.
void append_record(const RetainedRecord& record, std::string& out);

/// Reads records from pieces of any size.
class RetainedRecordReader {
 public:
  /// The next bytes of the input. Views in records that next() returned end here.
  void arrive(ByteView piece);

  /// nullopt: no whole record is left, or the input has ended or is not valid.
  [[nodiscard]] std::optional<RetainedRecord> next();

  /// Whether the end has been read.
  [[nodiscard]] bool ended() const noexcept { return state_ == State::ended; }
  /// Whether what was read so far may be the beginning of valid input.
  [[nodiscard]] bool valid() const noexcept { return state_ != State::invalid; }

 private:
  enum class State : std::uint8_t { begin, records, ended, invalid };

  bool read_begin();

  std::string bytes_;
  std::size_t read_ = 0;  // of these bytes
  State state_ = State::begin;
};

}  // namespace hallway::hub
