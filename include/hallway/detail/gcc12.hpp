// SPDX-License-Identifier: Apache-2.0
// Layer: core
//
// HALLWAY_GCC12_COROUTINES is 1 if the compiler is a GCC before 13, and 0 otherwise. Such a GCC
// destroys temporary objects of an awaited expression too early or twice (its bug 99576 and that
// kind), and miscompiles some conditions that contain a co_await: see task.hpp.
#pragma once

#if defined(__GNUC__) && !defined(__clang__) && __GNUC__ < 13
#define HALLWAY_GCC12_COROUTINES 1
#else
#define HALLWAY_GCC12_COROUTINES 0
#endif
