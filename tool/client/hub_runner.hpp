// SPDX-License-Identifier: Apache-2.0
//
// Shared by the verbs that use a hub: connecting, reporting the connection's events, printing
// messages, and ending.
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

/// The flags of all these verbs.
struct HubFlags {
  Verbosity wordiness;
  LoopOptions loop;
  Target target;
};

/// -q, -v, --json, --spin, --at, --server-uid, and --timeout with the verb's own help text.
void add_hub_flags(CLI::App& verb, HubFlags& flags, std::string& at,
                   const std::string& timeout_help);

/// Parses the address of a hub from the text of --at, which may be empty. Refuses a program.
Address read_hub_address(const std::string& at);

/// Parses a subject to publish to.
Read<std::string> read_subject(const std::string& text);

/// Runs a verb with a hub, from connecting until end().
class HubRunner {
 public:
  /// Whether the verb prints messages. If so, it ends when its output has no reader.
  enum class Prints { nothing, messages };

  /// @param verb  the verb's name, for error messages
  HubRunner(const HubFlags& flags, std::string verb, Prints prints);

  /// Runs `talk` on a loop that SIGINT and SIGTERM drain.
  /// @return the exit status
  int run(Task<> talk);

  /// Connects to the hub; nullopt if that failed, which has been reported.
  /// @param delivery  what the hub does with messages that are not read in time
  Task<std::optional<HubClient>> connect(HubReconnect reconnect = {},
                                         std::optional<DeliveryPolicy> delivery = {});

  /// Happens with the first end(), and when the loop drains.
  [[nodiscard]] Event& over() noexcept { return over_; }
  void end(int status = exit_status::done);
  [[nodiscard]] bool failed() const noexcept { return status_ != exit_status::done; }

  /// Prints a message, and waits while the output queue is over its limit.
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

/// Publishes a request and prints the answer.
/// @return the exit status
int ask_hub(const HubFlags& flags, const std::string& subject, const std::string& message);

}  // namespace hallway::tool
