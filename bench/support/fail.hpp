// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace bench {

/// Says why this measurement counts for nothing, and exits with 1: so does the whole program when
/// it happens in one of its sides.
[[noreturn]] void fail(std::string_view why);

/// The same with what errno says.
[[noreturn]] void fail_with_errno(std::string_view operation);

}  // namespace bench
