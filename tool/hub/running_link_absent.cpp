// SPDX-License-Identifier: Apache-2.0
#include "hub/running_link.hpp"
#include "io/report.hpp"

namespace hallway::tool {

Task<Result<RunningLink>> RunningLink::open(Loop& /*loop*/, Address hub, LinkOptions /*options*/) {
  co_return std::unexpected(error_of(std::errc::function_not_supported, "link", hub.unescaped(),
                                     "this build of hallway lacks libnats"));
}

LinkStatistics RunningLink::statistics() const { return {}; }

LinkProgress RunningLink::progress() const { return {}; }

}  // namespace hallway::tool
