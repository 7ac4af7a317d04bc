// SPDX-License-Identifier: Apache-2.0
//
// Names of CLI11, for headers that only pass them on: a source that includes the whole of it takes
// six seconds longer to compile.
#pragma once

namespace CLI {  // NOLINT(readability-identifier-naming): theirs
class App;
class Option;
}  // namespace CLI
