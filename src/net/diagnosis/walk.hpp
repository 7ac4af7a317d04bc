// SPDX-License-Identifier: Apache-2.0
//
// Goes along a path name by name, as the kernel looks it up, and notes what each name is.
#pragma once

#include "net/diagnosis/look.hpp"

namespace hallway::net {

/// The most symbolic links that the kernel follows in one path.
inline constexpr int most_links = 40;

/// Fills in Evidence::steps, and Look::reached and Look::absolute. A relative path begins with a
/// step for the working directory, and each ".." has one for the directory above. A name behind one
/// that is not a directory has ENOTDIR.
void walk(Look& look);

/// What a path leads to in our own view; `missing` also for one that we may not follow.
StepKind kind_in_our_view(const std::string& path);

}  // namespace hallway::net
