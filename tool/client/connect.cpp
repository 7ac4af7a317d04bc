// SPDX-License-Identifier: Apache-2.0
//
// hallway connect: each line of input becomes a message, each message received becomes a line.
#include <fmt/format.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>

#include <hallway/child.hpp>
#include <hallway/connection.hpp>
#include <hallway/datagram_socket.hpp>
#include <hallway/loop.hpp>
#include <hallway/task_scope.hpp>

#include "cli/add_value.hpp"
#include "cli/flags.hpp"
#include "cli/verb.hpp"
#include "io/hex.hpp"
#include "io/input.hpp"
#include "io/log.hpp"
#include "io/output.hpp"
#include "io/prompt.hpp"
#include "io/report.hpp"

namespace hallway::tool {

namespace {

/// After the last message, how long to wait for one more reply if the peer does not signal its end.
/// The value is socat's.
constexpr Duration quiet_time = std::chrono::milliseconds(500);

constexpr const char* connect_examples =
    "Examples:\n"
    "  hallway connect                           talk to the default server\n"
    "  printf 'foobar\\n' | hallway connect      send one line, print the answer\n"
    "  hallway connect @app --type seqpacket --hex\n"
    "  hallway connect exec:./worker             a child at the other end\n"
    "  hallway connect ./echo.socket --type datagram --stop-word DONE\n";

struct ConnectFlags {
  Verbosity verbosity;
  LoopOptions loop;
  Wire wire;
  Target target;
  std::optional<std::string> stop_word;
  bool hex = false;
};

/// Passes messages between the input (a person or a pipe) and the peer, and prints them.
class Conversation {
 public:
  Conversation(Loop& loop, const ConnectFlags& flags, Events& events, Output& output)
      : loop_(&loop), flags_(&flags), events_(&events), output_(&output) {}
  Conversation(const Conversation&) = delete;
  Conversation& operator=(const Conversation&) = delete;
  ~Conversation() { close_input(); }

  /// The exit status, once the loop has run.
  [[nodiscard]] int status() const noexcept { return status_; }

  /// Connects, and handles the connection until it ends.
  Task<> with_server() {
    auto connection = co_await Connection::connect(*loop_, flags_->target.address, options());
    if (!connection) co_return end(fail_to_connect(connection.error()));
    co_await converse(*connection);
  }

  /// The same with a program that is started for the connection.
  Task<> with_program() {
    auto child = Child::spawn(
        *loop_, flags_->target.address.command(),
        {.type = flags_->wire.type,
         .connection = {.framing = flags_->wire.framing, .limits = flags_->wire.limits()}});
    if (!child) co_return end(fail_to_connect(child.error()));
    co_await converse(child->connection());
  }

  Task<> with_datagrams() {
    const auto server_uid = flags_->target.datagram_server_uid();
    if (!server_uid) co_return end(fail_to_connect(server_uid.error()));
    auto socket = DatagramSocket::connect(
        *loop_, flags_->target.address,
        {.max_message = flags_->wire.max_message, .server_uid = *server_uid});
    if (!socket) co_return end(fail_to_connect(socket.error()));
    open_input();
    TaskScope printing(*loop_);
    printing.spawn(print_datagrams(*socket));
    while (auto line = co_await next_line()) {
      const auto sent = co_await socket->send(*line);
      if (!sent) co_return end_with(sent.error());
      log_message("sent", *line);
      if (line == flags_->stop_word) break;
    }
    close_input();
    co_await quiet();
  }

  /// Closes the input and saves the history. No task may still wait for a line.
  void close_input() {
    if (prompt_ != nullptr) {
      if (auto saved = prompt_->save(); !saved) events_->error("history", 0, saved.error());
    }
    prompt_ = nullptr;
    input_.reset();
    Log::standard_error().divert({});
  }

 private:
  [[nodiscard]] ConnectOptions options() const {
    return {.timeout = flags_->target.timeout.value_or(defaults::connect_time),
            .retry_for = flags_->target.retry_for,
            .type = flags_->wire.type,
            .connection = {.framing = flags_->wire.framing, .limits = flags_->wire.limits()},
            .server_uid = flags_->target.server_uid,
            .trusted_server = flags_->target.requires_trust()};
  }

  Task<> converse(Connection& connection) {
    open_input();
    log("connected", connection.address().to_string());
    {
      const auto on_drain = loop_->on_drain([&connection] { connection.close(); });
      TaskScope sending(*loop_);
      sending.spawn(send_lines(connection));
      co_await print_messages(connection);
    }
    close_input();
  }

  Task<> send_lines(Connection& connection) {
    try {
      co_await send_all_lines(connection);
    } catch (...) {
      connection.close();  // the scope rethrows it afterwards
      throw;
    }
  }

  Task<> send_all_lines(Connection& connection) {
    while (auto line = co_await next_line()) {
      const Sent sent = co_await connection.send(*line);
      // The receiving task reports that the peer is gone.
      if (sent.outcome() == Outcome::failed) {
        end_with(about(flags_->target, sent.error(), connection.counters()));
        connection.close();
      }
      if (!sent) co_return;
      log_message("sent", *line);
      if (line == flags_->stop_word) {
        connection.half_close();
        co_await quiet();
        connection.close();
        co_return;
      }
    }
    if (status_ != exit_status::done) co_return connection.close();
    connection.half_close();
  }

  Task<> print_messages(Connection& connection) {
    for (;;) {
      auto received = co_await connection.receive();
      if (received) {
        co_await show(received->bytes());
        continue;
      }
      const Outcome outcome = received.outcome();
      const bool calm = outcome == Outcome::end_of_stream || outcome == Outcome::closed;
      if (!calm) {
        end_with(about(flags_->target, received.error(), connection.counters()));
      }
      log("closed", received.error().why());
      break;
    }
  }

  Task<> print_datagrams(DatagramSocket& socket) {
    for (;;) {
      auto datagram = co_await socket.receive();
      if (datagram) {
        co_await show(datagram->bytes());
        continue;
      }
      // While the loop drains, the wait ends; that is not a failure.
      if (datagram.error().code != std::errc::operation_canceled) end_with(datagram.error());
      loop_->stop(status_);
      co_return;
    }
  }

  /// Completes when nothing was received for quiet_time.
  Task<> quiet() {
    std::uint64_t before = 0;
    do {
      before = received_;
      const Outcome slept = co_await loop_->sleep(quiet_time);
      if (slept != Outcome::ok) co_return;
    } while (received_ != before);
  }

  /// The next line to send, or nullopt at the end of input or after an error, which has been
  /// reported.
  Task<std::optional<std::string>> next_line() {
    auto line = co_await input_->next();
    if (!line) end_with(line.error());
    co_return line ? std::move(*line) : std::nullopt;
  }

  /// Whether to edit lines: a person types at a terminal that can move its cursor, and the output
  /// is not a pipe or a file.
  [[nodiscard]] bool is_typed() const {
    const char* terminal = std::getenv("TERM");
    const bool simple = terminal == nullptr || std::string_view(terminal) == "dumb";
    return isatty(STDIN_FILENO) == 1 && output_->is_terminal() && !simple;
  }

  /// To be called once there is a peer.
  void open_input() {
    if (is_typed()) {
      auto prompt = std::make_unique<Prompt>(*loop_, *output_);
      prompt_ = prompt.get();
      input_ = std::move(prompt);
      follow_terminal();
    } else {
      input_ = std::make_unique<InputLines>(*loop_, flags_->wire.max_message);
    }
  }

  /// Handles the signals of the terminal while a person types. Log lines are written above the
  /// prompt.
  void follow_terminal() {
    on_signal(SIGWINCH, [this] {
      if (prompt_ != nullptr) prompt_->resize();
    });
    if (may_be_stopped()) {
      on_signal(SIGTSTP, [this] {
        if (prompt_ != nullptr) prompt_->leave();
        stop_process();
      });
    }
    on_signal(SIGCONT, [this] {
      if (prompt_ != nullptr) prompt_->go_on();
    });
    if (isatty(STDERR_FILENO) != 1) return;
    Log::standard_error().divert([this](const std::string& lines) {
      output_->write(lines);
      output_->hand_over();
    });
  }

  /// Without the signal, only the terminal is less convenient.
  void on_signal(int signal, std::move_only_function<void()> action) {
    if (auto claimed = loop_->on_signal(signal, std::move(action))) {
      terminal_signals_.push_back(std::move(*claimed));
    }
  }

  Task<> show(std::string_view message) {
    ++received_;
    log_message("received", message);
    const std::string text = text_of(message);
    if (prompt_ != nullptr) {
      prompt_->show(text);
    } else {
      output_->write(text);
    }
    co_await output_->room();
  }

  [[nodiscard]] std::string text_of(std::string_view message) const {
    if (flags_->verbosity.json) return json_line(message, 0);
    if (flags_->hex) return hex_dump(message);
    return printed_line(message, output_->is_terminal());
  }

  /// Logs an event. A person is notified when the peer comes and goes, a script only with -v.
  void log(const char* event, const std::string& words) {
    if (prompt_ == nullptr) return events_->log(Events::Level::detail, event, 0, words);
    prompt_->aside([&] { events_->log(Events::Level::usual, event, 0, words); });
  }

  void log_message(const char* direction, std::string_view bytes) {
    if (!events_->logs(Events::Level::detail)) return;
    if (prompt_ == nullptr) return events_->message(direction, 0, bytes);
    prompt_->aside([&] { events_->message(direction, 0, bytes); });
  }

  void end(int status) { status_ = status; }

  void end_with(const Error& error) {
    if (prompt_ == nullptr) return end(fail(error));
    prompt_->aside([&] { end(fail(error)); });
  }

  Loop* loop_;
  const ConnectFlags* flags_;
  Events* events_;
  Output* output_;
  std::unique_ptr<Input> input_;
  Prompt* prompt_ = nullptr;  // input_, if a person types
  std::vector<Loop::SignalCallback> terminal_signals_;
  std::uint64_t received_ = 0;
  int status_ = exit_status::done;
};

int connect(const ConnectFlags& flags) {
  Events events(flags.verbosity);
  Loop loop(logged_by(events, flags.loop));
  if (auto claimed = loop.drain_on({SIGINT, SIGTERM}); !claimed) return fail(claimed.error());
  Output output(loop, true);
  output.on_end([&] { loop.stop(); });
  Conversation conversation(loop, flags, events, output);
  Loop::DrainCallback on_drain;
  if (flags.wire.type == SocketType::datagram) {
    on_drain = loop.on_drain([&] { loop.stop(); });
    loop.spawn(conversation.with_datagrams());
  } else if (flags.target.address.kind() == Address::Kind::exec) {
    loop.spawn(conversation.with_program());
  } else {
    loop.spawn(conversation.with_server());
  }
  int stopped = loop.run();
  conversation.close_input();
  if (stopped == exit_status::done) stopped = output.finish();
  if (output.error()) return fail(*output.error());
  return conversation.status() != exit_status::done ? conversation.status() : stopped;
}

void check(const CLI::App& verb, const ConnectFlags& flags) {
  check_wire(verb, flags.wire);
  check_target(verb, flags.target, flags.wire.type);
  if (flags.hex && flags.verbosity.json) refuse_flags("--hex --json", "choose one format");
  const bool datagram = flags.wire.type == SocketType::datagram;
  if (datagram && flags.target.address.kind() == Address::Kind::exec) {
    refuse_flags("--type datagram", "exec: needs stream or seqpacket");
  }
}

}  // namespace

Run add_connect(CLI::App& verb, const TrailingArgs&) {
  auto flags = std::make_shared<ConnectFlags>();
  auto word = std::make_shared<std::string>(default_address());
  add_argument(verb, "ADDRESS", *word, "Address of the server, or exec:PROGRAM");
  add_verbosity(verb, flags->verbosity);
  add_spin(verb, flags->loop);
  add_wire(verb, flags->wire);
  add_target_flags(
      verb, flags->target,
      "Time limit for connecting (default " + write_duration(defaults::connect_time) + ")");
  add_retry(verb, flags->target);
  add_value(
      verb, "--stop-word", "WORD", read_text,
      [flags](std::string stop_word) { flags->stop_word = std::move(stop_word); },
      "Send a line equal to WORD, then stop");
  add_switch(verb, "--hex", flags->hex, "Show a hex dump of each message received");
  add_examples(verb, connect_examples);
  on_parsed(verb, [&verb, flags, word] {
    flags->target.address = read_address(*word);
    check(verb, *flags);
  });
  return [flags] { return connect(*flags); };
}

}  // namespace hallway::tool
