// SPDX-License-Identifier: Apache-2.0
//
// Reads the text of a config file, at the start and again while a server runs.
//
// At the start, any input that has an end is accepted: a file, standard input, a FIFO, the pipe of
// a process substitution. Reading blocks until the end. A running server must not block, and must
// not take a half-written or empty file for a complete config. It therefore accepts only a regular
// file that still has a name, is not blank, and that no process is writing.
#pragma once

#include <cstddef>
#include <string>

#include <hallway/error.hpp>
#include <hallway/limits.hpp>

namespace hallway::tool {

/// In bytes; far above any config written by hand. A larger file is not a config.
constexpr std::size_t max_config_size = mebibyte;

enum class ConfigRead {
  at_start,  ///< Blocking: until the end of the input
  again,     ///< Blocking: never, on a local file system
};

/// @errors those of open(2), fstat(2) and read(2); file_too_large: over max_config_size. For
///         ConfigRead::again also not_supported: not a regular file, so it cannot be read again;
///         resource_unavailable_try_again: a process has it open for writing, or it changed while
///         it was read; no_such_file_or_directory: the file was unlinked; no_message_available: it
///         contains only blanks (a comment is enough for a config without rules)
Result<std::string> read_config_file(const std::string& path, ConfigRead when);

/// Whether the text contains only blanks and line ends, after an optional byte order mark.
bool is_blank(const std::string& text);

}  // namespace hallway::tool
