// SPDX-License-Identifier: Apache-2.0
#include "io/spare_memory.hpp"

#include <malloc.h>

#include <algorithm>
#include <chrono>

namespace hallway::tool {

namespace {

/// Fewer are not worth it.
constexpr std::size_t crowd = 256;

/// It has left when so small a part of it is still there.
constexpr std::size_t small_part = 8;

/// From then on, for those who leave with the others; and so, at least, from one time to the next.
constexpr Duration settling = std::chrono::seconds(1);

}  // namespace

void SpareMemory::connected() { most_ = std::max(most_, ++present_); }

void SpareMemory::closed() {
  --present_;
  const bool has_left = most_ >= crowd && present_ <= most_ / small_part;
  if (has_left && (!giving_back_ || giving_back_->ended())) giving_back_.emplace(give_back());
}

ScopedTask SpareMemory::give_back() {
  co_await loop_->sleep(settling);
  most_ = present_;
  malloc_trim(0);
}

}  // namespace hallway::tool
