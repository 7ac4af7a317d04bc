// SPDX-License-Identifier: Apache-2.0
// Layer: core
//
// Stops a compiler that cannot compile the public headers, or not in the mode it is in, with one
// sentence. Included first by the headers that include no other of ours, and by those that include
// <coroutine>.
#pragma once

#if __cplusplus >= 202100L
#include <version>
#endif

#if !defined(__cpp_lib_coroutine) || !defined(__cpp_lib_expected)
#error "Hallway needs C++23: compile with -std=c++23, with GCC 12 or Clang 19 or later"
// A compiler goes on after #error, and reports hundreds of errors. A missing header ends it.
#include <hallway/needs_cpp23>
#endif
