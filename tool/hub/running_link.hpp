// SPDX-License-Identifier: Apache-2.0
//
// A link in this process: libnats, and OpenSSL by way of it, have threads here from its start on.
// running_link_absent.cpp stands in for running_link.cpp where this command is built without
// libnats.
#pragma once

#include <memory>

#include <hallway/address.hpp>
#include <hallway/error.hpp>
#include <hallway/link.hpp>
#include <hallway/loop.hpp>

namespace hallway::tool {

class RunningLink {
 public:
  /// @errors those of Link::start(); function_not_supported: there is no libnats
  static Task<Result<RunningLink>> open(Loop& loop, Address hub, LinkOptions options);

  [[nodiscard]] LinkStatistics statistics() const;
  [[nodiscard]] LinkProgress progress() const;

 private:
  explicit RunningLink(std::shared_ptr<const Link> link) : link_(std::move(link)) {}

  std::shared_ptr<const Link> link_;
};

}  // namespace hallway::tool
