// SPDX-License-Identifier: Apache-2.0
//
// The parts that sentences of a diagnosis are made of. Names of commands and users are escaped by
// printable(), names of files and sockets by shown().
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "net/diagnosis/evidence.hpp"

namespace hallway::net {

/// A name for people, in quotes if it is empty or has a blank at which one would misread it. One
/// that printable() would escape, or that has invisible characters, is written as a word of the
/// shell,
/// $'/run/a\x0a': a backslash in plain words is a backslash in the name.
std::string shown(std::string_view name);

/// As shown(), and $'...' also for bytes that are not ASCII: two names that look alike differ.
std::string shown_in_ascii(std::string_view name);

/// A name as a word of a shell command.
std::string shell_quoted(std::string_view name);

std::string_view words(StepKind kind);             ///< "a directory"
std::string words(std::chrono::seconds duration);  ///< "3 d", "2 h", "5 min", "8 s"
std::string mode_words(unsigned mode);             ///< "0750"
std::string owner_words(const PathStep& step);     ///< "app:app"
std::string error_words(int error);                ///< "Permission denied (EACCES)"

std::string words(const Subject& subject);       ///< "www-data", "nginx[4711] of www-data"
std::string user_words(const Subject& subject);  ///< "www-data", "uid 33"
std::string words(const Process& process);       ///< "app[4711]"
/// "app[4711], uid 990, app.service, since 3 d"
std::string detailed_words(const Process& process);

/// The address as the subject would name it: "/run/app.sock", "@app".
std::string words(const Address& address);
/// The name under which a socket was bound: "/run/app.sock", "@app".
std::string words(const SocketEntry& socket);

/// "1 client", "3 clients"
/// "12 of 1024 descriptors are open"; a limit can be lowered below what is open.
std::string open_words(std::uint64_t open, std::uint64_t limit);

std::string counted(std::uint64_t count, std::string_view singular);

/// "0 of 4096 waiting"
std::string queue_words(const SocketEntry& listening);

/// The processes, with commas: "app[4711], app[4712]"; at most five of them.
std::string listed(const std::vector<const Process*>& processes);

/// Whether `path` is `directory` or below it.
bool is_below(std::string_view path, std::string_view directory);

/// "." and "/" where nothing else precedes the last slash.
std::string directory_of(std::string_view path);

}  // namespace hallway::net
