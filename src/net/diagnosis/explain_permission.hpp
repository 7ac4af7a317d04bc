// SPDX-License-Identifier: Apache-2.0
//
// Which permission on the way to a socket is missing.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <hallway/diagnosis.hpp>

#include "net/diagnosis/evidence.hpp"
#include "net/diagnosis/permissions.hpp"

namespace hallway::net {

/// Why the subject may not search the directory, or write to the socket; nullopt: it may.
std::optional<Finding> explain_denial(const Evidence& evidence, const PathStep& step,
                                      Access wanted);

/// Every name of the path with its owner, its mode and what it means for the subject, as columns.
std::vector<std::string> walk_lines(const Evidence& evidence);

/// "mandatory" modules deny what file permissions allow: SELinux, AppArmor, Smack, TOMOYO.
std::optional<std::string> mandatory_module(const Evidence& evidence);

/// The permissions of the files allow it, and the kernel does not.
Finding explain_module(const Evidence& evidence, int error);

/// The N of a path in /run/user/N, as text; empty for any other.
std::string runtime_directory_user(const std::string& path);

/// The path is in the runtime directory of another user.
Finding other_runtime_directory(const Evidence& evidence, Certainty certainty);

}  // namespace hallway::net
