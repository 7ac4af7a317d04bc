// SPDX-License-Identifier: Apache-2.0
//
// Used if libseccomp was not available at build time.
#include "server/system_call_filter.hpp"

namespace hallway::tool {

Result<std::size_t> limit_system_calls() { return 0; }

}  // namespace hallway::tool
