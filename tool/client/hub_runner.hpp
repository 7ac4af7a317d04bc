// SPDX-License-Identifier: Apache-2.0
//
// What the verbs that talk to a hub share: how they reach it, how they tell what becomes of it, how
// they print its messages, and when they end.
#pragma once

#include <optional>
#include <string>

#include <hallway/hub_client.hpp>
#include <hallway/loop.hpp>

#include "cli/cli_fwd.hpp"
#include "cli/flags.hpp"
#include "io/events.hpp"
#include "io/output.hpp"
#include "io/report.hpp"
#include "io/scoped_task.hpp"

namespace hallway::tool {

/// What all of these verbs are told.
struct HubFlags {
  Verbosity wordiness;
  LoopOptions loop;
  Target target;
};

/// -q, -v, --json, --spin, --at, --server-uid, and --timeout with a help text of the verb's own.
void add_hub_flags(CLI::App& verb, HubFlags& flags, std::string& at,
                   const std::string& timeout_help);

/// The address of a hub in the text of --at, which may be empty. Refuses those that no hub has.
Address read_hub_address(const std::string& at);

/// A subject to publish to.
Read<std::string> read_subject(const std::string& text);

/// A verb's time with a hub, from connecting until end().
class HubRunner {
 public:
  /// Whether the verb is over when nobody reads its output.
  enum class Prints { nothing, messages };

  /// @param verb  what failures are failures of
  HubRunner(const HubFlags& flags, std::string verb, Prints prints);

  /// Runs `talk` on a loop that SIGINT and SIGTERM drain; the exit status.
  int run(Task<> talk);

  /// Nothing: it failed, and was told.
  /// @param delivery  what the hub is asked to do with what is not read in time
  Task<std::optional<HubClient>> connect(HubReconnect reconnect = {},
                                         std::optional<DeliveryPolicy> delivery = {});

  /// Happens with the first end(), and when the loop drains.
  [[nodiscard]] Event& over() noexcept { return over_; }
  void end(int status = exit_status::done);
  [[nodiscard]] bool failed() const noexcept { return status_ != exit_status::done; }

  /// Prints a message, and waits while much is to be printed.
  Task<> show(const HubMessage& message);

  [[nodiscard]] Loop& loop() noexcept { return loop_; }
  [[nodiscard]] Events& events() noexcept { return events_; }
  [[nodiscard]] const HubFlags& flags() const noexcept { return *flags_; }

 private:
  void hear(const HubClientEvent& event);

  const HubFlags* flags_;
  std::string verb_;
  Events events_;
  Loop loop_;
  Output output_;
  Event over_;
  int status_ = exit_status::done;
};

/// Publishes one message and prints the answer; the exit status.
int ask_hub(const HubFlags& flags, const std::string& subject, const std::string& message);

}  // namespace hallway::tool
