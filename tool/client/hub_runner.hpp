// SPDX-License-Identifier: Apache-2.0
//
// Shared by the verbs that use a hub: connecting, reporting the connection's events, printing
// messages, and ending.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <hallway/event.hpp>
#include <hallway/hub_client.hpp>
#include <hallway/loop.hpp>
#include <hallway/task.hpp>

#include "cli/cli_fwd.hpp"
#include "cli/flags.hpp"
#include "io/events.hpp"
#include "io/output.hpp"
#include "io/report.hpp"

namespace hallway::tool {

/// The flags of all these verbs.
struct HubFlags {
  Verbosity verbosity;
  LoopOptions loop;
  Target target;
  bool searched = false;  ///< no address was given: target.address is unused
};

/// -q, -v, --json, --spin, --at, --server-uid, and --timeout with the verb's own help text.
void add_hub_flags(CLI::App& verb, HubFlags& flags, std::string& at,
                   const std::string& timeout_help);

/// Parses the address of a hub from `at`. If that is empty, the hub will be looked for. Refuses a
/// program.
void choose_hub(HubFlags& flags, const std::string& at);

/// --queue.
void add_queue(CLI::App& verb, std::string& queue, const std::string& help);

/// Parses a subject to publish to.
Read<std::string> read_subject(const std::string& text);

/// Runs a verb with a hub, from connecting until end().
class HubRunner {
 public:
  /// Whether the verb prints messages. If so, it ends when its output has no reader.
  enum class Prints { nothing, messages };

  /// @param verb  the verb's name, for error messages
  HubRunner(const HubFlags& flags, std::string verb, Prints prints);

  /// Runs `task` on a loop that SIGINT and SIGTERM drain.
  /// @return the exit status
  int run(Task<> task);

  /// Connects to the hub; nullopt if that failed, which has been reported.
  /// @param delivery  what the hub does with messages that are not read in time
  Task<std::optional<hub::Client>> connect(hub::Reconnect reconnect = {},
                                           std::optional<OverflowPolicy> overflow = {});

  /// Waits until the hub has confirmed all subscriptions so far. Then logs "subscribed" with each
  /// subject, and writes the newline to `ready_fd`. Does nothing if the hub refused or went away.
  Task<> announce(hub::Client& hub, std::vector<std::string> subjects, std::optional<int> ready_fd);

  /// Logs it if the hub refuses a publication: the subject of an answer is the requester's choice.
  /// Otherwise that ends the verb.
  void survive_denied_answers() noexcept { survives_denied_answers_ = true; }

  /// Set by the first end(), and when the loop drains.
  [[nodiscard]] Event& over() noexcept { return over_; }
  void end(int status = exit_status::done);
  [[nodiscard]] bool failed() const noexcept { return status_ != exit_status::done; }

  /// Prints a message, and waits while the output queue is over its limit.
  /// @param with_subject  print "SUBJECT: " before its payload
  Task<> show(const hub::Message& message, bool with_subject = false);

  [[nodiscard]] Loop& loop() noexcept { return loop_; }
  [[nodiscard]] Events& events() noexcept { return events_; }
  [[nodiscard]] const HubFlags& flags() const noexcept { return *flags_; }

 private:
  Task<Result<hub::Client>> connect_or_find(hub::ClientOptions options);
  [[nodiscard]] Error late_if_retried(Error error) const;
  void note_other_hub(const Address& found);
  void handle(const hub::ClientEvent& event);

  const HubFlags* flags_;
  std::string verb_;
  Events events_;
  Loop loop_;
  Output output_;
  Event over_;
  int status_ = exit_status::done;
  bool survives_denied_answers_ = false;
};

/// Publishes a request and prints the answer.
/// @return the exit status
int run_request(const HubFlags& flags, const std::string& subject, const std::string& message);

}  // namespace hallway::tool
