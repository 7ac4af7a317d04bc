// SPDX-License-Identifier: Apache-2.0
//
// Forward declarations of CLI11, for headers that only pass its types on: a source file that
// includes all of it takes six seconds longer to compile.
#pragma once

namespace CLI {  // NOLINT(readability-identifier-naming): CLI11's name
class App;
class Option;
}  // namespace CLI
