// SPDX-License-Identifier: Apache-2.0
//
// The messages between a hub and the processes of its link. There are three processes, each the
// parent of the next, with a socket pair between each parent and child:
//
//   hub      `hallway hub --link`; sends Settings, and Drain when it drains
//   watcher  restarts the worker when it ends, and forwards the records of both
//   worker   has the link; sends Started or Failed, then LinkEvent and Account
//
// The end of a connection shows that the peer has ended. A record is a frame with a length prefix
// (len32), so that a frame that a killed process left unfinished is not a record. Its payload is
// CBOR, because settings and subjects may contain any bytes. Pure.
#pragma once

#include <optional>
#include <string>
#include <variant>

#include <hallway/address.hpp>
#include <hallway/bytes.hpp>
#include <hallway/connection.hpp>
#include <hallway/link.hpp>

namespace hallway::tool::link_records {

/// The settings of the worker. They are sent as a record because they contain secrets, which must
/// not appear in a command line or an environment.
struct Settings {
  Address hub;
  LinkOptions options;  ///< without on_event
};

/// The hub has accepted the link.
struct Started {};

/// The link could not be started, and the worker ends.
struct Failed {
  Error why;
};

struct Account {
  LinkStatistics statistics;  ///< of this worker alone
  LinkProgress progress;
};

/// From the watcher: a worker has ended, and the next one will be started.
struct Ended {
  std::string how;
};

/// The worker is to send all waiting messages and end.
struct Drain {};

using Record = std::variant<Settings, Started, Failed, LinkEvent, Account, Ended, Drain>;

std::string write(const Record& record);

/// @return nullopt if the bytes are not a record
std::optional<Record> read(ByteView bytes);

/// Options for the connections that carry records.
ConnectionOptions connection_options();

/// The program file of this process. If it was deleted or replaced: /proc/self/exe, which still
/// refers to the same program.
std::string own_program();

}  // namespace hallway::tool::link_records
