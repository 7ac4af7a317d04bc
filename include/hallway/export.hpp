// SPDX-License-Identifier: Apache-2.0
// Layer: core
//
// Marks the symbols that the shared library exports. A static build (the default) needs no marks.
#pragma once

#include <hallway/detail/require_cpp23.hpp>

#if defined(HALLWAY_SHARED)
#define HALLWAY_EXPORT [[gnu::visibility("default")]]
#else
#define HALLWAY_EXPORT
#endif
