// SPDX-License-Identifier: Apache-2.0
// Layer: core
//
// Which names leave the shared library. A static build (the default) needs none of it.
#pragma once

#if defined(HALLWAY_SHARED)
#define HALLWAY_EXPORT [[gnu::visibility("default")]]
#else
#define HALLWAY_EXPORT
#endif
