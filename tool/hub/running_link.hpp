// SPDX-License-Identifier: Apache-2.0
//
// A link in this process. From its start on, libnats and OpenSSL have threads here. A build without
// libnats uses running_link_absent.cpp instead of running_link.cpp.
#pragma once

#include <memory>

#include <hallway/address.hpp>
#include <hallway/error.hpp>
#include <hallway/link.hpp>
#include <hallway/loop.hpp>

namespace hallway::tool {

class RunningLink {
 public:
  /// @errors those of Link::start(); function_not_supported: built without libnats
  static Task<Result<RunningLink>> open(Loop& loop, Address hub, LinkOptions options);

  [[nodiscard]] LinkStatistics statistics() const;
  [[nodiscard]] LinkProgress progress() const;

 private:
  explicit RunningLink(std::shared_ptr<const Link> link) : link_(std::move(link)) {}

  std::shared_ptr<const Link> link_;
};

}  // namespace hallway::tool
