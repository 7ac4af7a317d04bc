// SPDX-License-Identifier: Apache-2.0
//
// How retained values pass from a hub to the one that takes over: in a file in memory, which the
// hub that is taken over writes and its successor reads. It writes all values when the successor is
// ready, then each value that it gets while it drains, and the end when it ends. The successor
// reads what is there before it accepts its first client, and looks for more until it finds the
// end.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

#include <hallway/descriptor.hpp>
#include <hallway/limits.hpp>
#include <hallway/loop.hpp>

#include "hub/server/retained_record.hpp"
#include "hub/server/retained_values.hpp"
#include "loop/loop_core.hpp"

namespace hallway::hub {

/// The side of the hub that is taken over.
class RetainedExport {
 public:
  RetainedExport() = default;
  RetainedExport(const RetainedExport&) = delete;
  RetainedExport& operator=(const RetainedExport&) = delete;
  ~RetainedExport() { end(); }

  /// Writes all values to a new file, which replaces an earlier one.
  /// @return the file, for the successor; empty if it cannot be made or written
  [[nodiscard]] Descriptor begin(const RetainedValues& values);

  /// Whether begin() was called: the values that follow must be added.
  [[nodiscard]] bool active() const noexcept { return file_.holds_one(); }

  /// Adds a value, or the deletion of one. Once the values added here take up more than
  /// max_added_bytes, or one cannot be written, no more are added: a successor that failed would
  /// never read them.
  void add(const RetainableMessage& message, Loop::Clock::time_point now) noexcept;

  static constexpr std::size_t max_added_bytes = 64 * mebibyte;

 private:
  bool write(const std::string& bytes);
  void end() noexcept;

  Descriptor file_;
  std::uint64_t size_ = 0;
  std::uint64_t added_ = 0;
};

/// The side of the successor.
class RetainedImport final : private detail::Timer {
 public:
  /// Is called with each record, in order.
  using OnRecord = std::move_only_function<void(const RetainedRecord& record)>;

  /// How often a successor looks for more, and for how long after the last record.
  static constexpr Duration pause = std::chrono::milliseconds(20);
  static constexpr Duration longest = std::chrono::seconds(30);

  /// @param core  outlives it
  RetainedImport(detail::LoopCore& core, OnRecord on_record)
      : core_(core), on_record_(std::move(on_record)) {}

  /// Reads what is in the file now, and the rest when it comes.
  /// Blocking: while it reads what is there.
  void begin(Descriptor file);

 private:
  void read_all();
  void fire() override;

  detail::LoopCore& core_;
  OnRecord on_record_;
  Descriptor file_;
  std::uint64_t offset_ = 0;
  RetainedRecordReader reader_;
  Loop::Clock::time_point until_;
};

}  // namespace hallway::hub
