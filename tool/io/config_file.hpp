// SPDX-License-Identifier: Apache-2.0
//
// The text of a config file, at the start and again while a server runs.
//
// The two differ. At the start anything that can be read to its end will do: a file, standard
// input, a FIFO, the pipe of a process substitution; reading waits for it. A running server must
// neither wait nor take half of what is meant, nor nothing, for the whole: it takes a regular file
// that has its name still, has something in it, and that no process is writing.
#pragma once

#include <cstddef>
#include <string>

#include <hallway/error.hpp>
#include <hallway/limits.hpp>

namespace hallway::tool {

/// Far above any config that a person wrote: what is larger is another file.
constexpr std::size_t max_config_size = mebibyte;

enum class ConfigRead {
  at_start,  ///< Blocking: until the end of what is read
  again,     ///< Blocking: never, on a local file system
};

/// @errors the kernel's; file_too_large: over max_config_size; and for ConfigRead::again
///         not_supported: what is there cannot be read a second time;
///         resource_unavailable_try_again: a process has it open for writing, or it changed while
///         it was read; no_such_file_or_directory: it has no name left; no_message_available:
///         nothing but blanks is in it (a comment is enough to mean a config without rules)
Result<std::string> read_config_file(const std::string& path, ConfigRead when);

/// Whether nothing but blanks and line ends are in it.
bool is_blank(const std::string& text);

}  // namespace hallway::tool
