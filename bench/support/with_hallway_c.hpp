// SPDX-License-Identifier: Apache-2.0
//
// The C interface, which the programs hallway_c use and nothing else of the library.
#pragma once

#include <hallway.h>

#include <cstddef>
#include <memory>
#include <string>

#include "fail.hpp"
#include "options.hpp"

namespace bench {

/// For the outcome of a call and its error.
inline void require_ok(hallway_outcome outcome, const hallway_error* error) {
  if (outcome != HALLWAY_OK) fail(hallway_error_explain(error));
}

template <auto free>
struct FreedBy {
  template <typename Handle>
  void operator()(Handle* handle) const {
    free(handle);
  }
};
template <typename Handle, auto free>
using Owned = std::unique_ptr<Handle, FreedBy<free>>;

using OwnedLoop = Owned<hallway_loop, hallway_loop_free>;
using OwnedServer = Owned<hallway_server, hallway_server_free>;
using OwnedConnectOptions = Owned<hallway_connect_options, hallway_connect_options_free>;
using OwnedConnectionOptions = Owned<hallway_connection_options, hallway_connection_options_free>;

inline OwnedLoop new_loop() {
  hallway_loop* loop = nullptr;
  hallway_error* error = nullptr;
  require_ok(hallway_loop_new(-1, &loop, &error), error);
  return OwnedLoop(loop);
}

/// The defaults, but for the framing and for messages that are over the default.
inline OwnedConnectionOptions connection_options_in_c(const Options& options) {
  constexpr std::size_t most_by_default = std::size_t{1} << 20;
  OwnedConnectionOptions made(hallway_connection_options_new());
  hallway_error* error = nullptr;
  require_ok(hallway_connection_options_set_framing(made.get(), "len32", &error), error);
  if (options.size > most_by_default) {
    hallway_connection_options_set_max_message(made.get(), options.size);
  }
  return made;
}

inline OwnedConnectOptions connect_options_in_c(const Options& options) {
  OwnedConnectOptions made(hallway_connect_options_new());
  hallway_connect_options_set_connection(made.get(), connection_options_in_c(options).get());
  return made;
}

inline OwnedServer open_server_in_c(hallway_loop* loop, const std::string& path,
                                    const Options& options,
                                    hallway_connection_callback on_connection, void* user) {
  const Owned<hallway_server_options, hallway_server_options_free> made(
      hallway_server_options_new());
  hallway_server_options_set_connection(made.get(), connection_options_in_c(options).get());
  hallway_server* server = nullptr;
  hallway_error* error = nullptr;
  require_ok(
      hallway_server_open(loop, path.c_str(), made.get(), on_connection, user, &server, &error),
      error);
  return OwnedServer(server);
}

inline void run_loop(hallway_loop* loop) {
  hallway_error* error = nullptr;
  require_ok(hallway_loop_run(loop, nullptr, &error), error);
}

}  // namespace bench
