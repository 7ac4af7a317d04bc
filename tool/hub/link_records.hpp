// SPDX-License-Identifier: Apache-2.0
//
// What a hub and the process of its link say to each other. Three processes take part, each the
// parent of the next, with a socket pair between two of them:
//
//   hub      `hallway hub --link`, which says Settings, and Drain when it drains
//   watcher  starts the worker again when that ends, and passes on what both say
//   worker   has the link; it says Started or Failed, then LinkEvent and Account
//
// The end of a connection says that who was there has ended. A record is a frame with its length
// in front (len32), so that one which a killed process left unfinished is none; inside it is CBOR,
// because settings and subjects have any bytes. Pure.
#pragma once

#include <optional>
#include <string>
#include <variant>

#include <hallway/address.hpp>
#include <hallway/bytes.hpp>
#include <hallway/connection.hpp>
#include <hallway/link.hpp>

namespace hallway::tool::link_records {

/// What the worker is to do. The secrets in it are in no command line and no environment.
struct Settings {
  Address hub;
  LinkOptions options;  ///< without on_event
};

/// The hub has taken the worker in.
struct Started {};

/// The worker ends: there is no link.
struct Failed {
  Error why;
};

struct Account {
  LinkStatistics statistics;  ///< of this worker alone
  LinkProgress progress;
};

/// From the watcher: a worker has ended, and the next one is started.
struct Ended {
  std::string how;
};

/// Send what waits, and end.
struct Drain {};

using Record = std::variant<Settings, Started, Failed, LinkEvent, Account, Ended, Drain>;

std::string write(const Record& record);

/// Nothing: it is none.
std::optional<Record> read(ByteView bytes);

/// Of the connections that carry records.
ConnectionOptions connection_options();

/// The program that this process runs, which is the same after the file has been replaced.
std::string own_program();

}  // namespace hallway::tool::link_records
