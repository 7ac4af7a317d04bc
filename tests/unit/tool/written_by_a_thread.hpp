// SPDX-License-Identifier: Apache-2.0
//
// What a thread of the command writes to, in a test.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <utility>

#include <hallway/descriptor.hpp>
#include <hallway/loop.hpp>

#include "support/inventory.hpp"
#include "support/waiting.hpp"

namespace hallway::tool {

/// A descriptor that is written to by a thread which its owner does not join: it is closed once
/// that thread has ended, because another file could get its number before.
class WrittenByAThread {
 public:
  explicit WrittenByAThread(Descriptor descriptor) : descriptor_(std::move(descriptor)) {}
  ~WrittenByAThread() {
    Loop loop;
    EXPECT_TRUE(test::run_until(
        loop, [this] { return test::Inventory::take().threads <= threads_before_; }));
  }
  WrittenByAThread(const WrittenByAThread&) = delete;
  WrittenByAThread& operator=(const WrittenByAThread&) = delete;

  [[nodiscard]] int get() const noexcept { return descriptor_.get(); }

 private:
  std::size_t threads_before_ = test::Inventory::take().threads;
  Descriptor descriptor_;
};

/// Its writing end belongs to such a thread, which the end of the reader ends.
class PipeOfAThread {
 public:
  PipeOfAThread() : PipeOfAThread(make()) {}

  [[nodiscard]] int reader() const noexcept { return reader_.get(); }
  [[nodiscard]] int writer() const noexcept { return writer_.get(); }
  void close_reader() noexcept { reader_.close(); }

 private:
  explicit PipeOfAThread(const std::array<int, 2>& ends)
      : writer_(Descriptor::adopt(ends[1])), reader_(Descriptor::adopt(ends[0])) {}

  static std::array<int, 2> make() {
    std::array<int, 2> ends{-1, -1};
    EXPECT_EQ(pipe2(ends.data(), O_CLOEXEC), 0);
    return ends;
  }

  WrittenByAThread writer_;
  Descriptor reader_;  // last, so that it is closed first
};

}  // namespace hallway::tool
