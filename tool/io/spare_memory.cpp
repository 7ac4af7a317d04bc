// SPDX-License-Identifier: Apache-2.0
#include "io/spare_memory.hpp"

#include <malloc.h>

#include <algorithm>
#include <chrono>

namespace hallway::tool {

namespace {

/// A peak of fewer connections is not worth it.
constexpr std::size_t crowd = 256;

/// The peak is over when at most one in this number of its connections is left.
constexpr std::size_t small_part = 8;

/// Delay from then on, so that more connections can close; also the minimum interval.
constexpr Duration settling = std::chrono::seconds(1);

}  // namespace

void SpareMemory::connected() { most_ = std::max(most_, ++present_); }

void SpareMemory::closed() {
  --present_;
  const bool has_left = most_ >= crowd && present_ <= most_ / small_part;
  if (has_left && giving_back_.size() == 0) giving_back_.spawn(give_back());
}

Task<> SpareMemory::give_back() {
  const Outcome settled = co_await loop_->sleep(settling);
  if (settled != Outcome::ok) co_return;  // the process is about to end
  most_ = present_;
  malloc_trim(0);
}

}  // namespace hallway::tool
