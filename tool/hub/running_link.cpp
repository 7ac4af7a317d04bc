// SPDX-License-Identifier: Apache-2.0
#include "hub/running_link.hpp"

#include <chrono>
#include <utility>

#include "io/threads_left.hpp"

namespace hallway::tool {

namespace {

/// How long the end of a link waits for libnats' threads, which are no longer needed.
constexpr Duration ending_time = std::chrono::seconds(2);

}  // namespace

Task<Result<RunningLink>> RunningLink::open(Loop& loop, Address hub, LinkOptions options) {
  auto link = co_await Link::start(loop, std::move(hub), options);
  if (!link) co_return std::unexpected(link.error());
  co_return RunningLink({new Link(std::move(*link)), [](const Link* ended) {
                           delete ended;
                           if (!Link::end_threads(ending_time)) threads_left() = true;
                         }});
}

LinkStatistics RunningLink::statistics() const { return link_->statistics(); }

LinkProgress RunningLink::progress() const { return link_->progress(); }

}  // namespace hallway::tool
