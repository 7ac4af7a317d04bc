// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <hallway/hallway.hpp>
#include <utility>

#include "fail.hpp"
#include "options.hpp"

namespace bench {

template <typename T>
T require(hallway::Result<T> result) {
  if (!result) fail(result.error().explain());
  return std::move(*result);
}

/// For what receive(), send() and flush() give.
template <typename Given>
void require_ok(const Given& given) {
  if (!given) fail(given.error().explain());
}

/// The defaults, but for messages that are over the default.
inline hallway::Limits limits_for(const Options& options) {
  hallway::Limits limits;
  limits.max_message = std::max(limits.max_message, options.size);
  return limits;
}

/// The defaults, but for more connections than the default admits.
inline hallway::ServerLimits limits_for_many(std::size_t connections) {
  hallway::ServerLimits limits;
  limits.max_connections = std::max(limits.max_connections, connections);
  limits.max_connections_per_uid = std::max(limits.max_connections_per_uid, connections);
  return limits;
}

inline hallway::ServerOptions server_options(const Options& options) {
  return {.connection = {.framing = hallway::Framing::len32(), .limits = limits_for(options)}};
}

inline hallway::ConnectOptions connect_options(const Options& options) {
  return {.connection = {.framing = hallway::Framing::len32(), .limits = limits_for(options)}};
}

}  // namespace bench
