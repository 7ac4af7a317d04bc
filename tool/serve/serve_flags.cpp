// SPDX-License-Identifier: Apache-2.0
#include "serve/serve_flags.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "cli/add_value.hpp"

namespace hallway::tool {

namespace {

using Names = std::initializer_list<const char*>;

Read<OverflowPolicy> read_broadcast_overflow(const std::string& text) {
  return read_overflow(text, broadcast_policies, '-');
}

void add_answers(CLI::App& verb, AnswerFlags& answer) {
  add_switch(verb, "--echo", answer.echo, "Answer each message with itself");
  add_value(
      verb, "--ack", "TEXT", read_text, [&](std::string text) { answer.ack = std::move(text); },
      fmt::format("After processing a message, answer TEXT (default {}); an address right after "
                  "--ack is taken as the address",
                  serve_defaults::ack))
      .with_default(serve_defaults::ack);
  add_switch(verb, "--broadcast", answer.broadcast,
             "Send each message to every other connected client");
  add_value(
      verb, "--on", "WORD=REPLY", read_word_and_reply,
      [&](std::pair<std::string, std::string> pair) { answer.on.push_back(std::move(pair)); },
      "Answer a message equal to WORD with REPLY instead of anything else but --ack; repeatable; "
      "with the escapes \\n \\r \\t \\0 \\\\ \\xHH")
      .repeatable();
  add_switch(verb, "--sized", answer.sized,
             "Before each reply send its size, a 32-bit integer in host order: a packet of its "
             "own (seqpacket), or 4 bytes (stream)");
  add_switch(verb, "--hangup", answer.hangup,
             "Close a connection after the first message that was answered");
}

void add_words(CLI::App& verb, ServeFlags& flags) {
  add_value(
      verb, "--exit-word", "WORD", read_text,
      [&](std::string word) { flags.exit_word = std::move(word); },
      fmt::format("Close a connection that sends WORD as a message (default {} with framing lines "
                  "and without --echo; an empty WORD disables it)",
                  serve_defaults::exit_word));
  add_value(
      verb, "--stop-word", "WORD", read_text,
      [&](std::string word) { flags.stop_word = std::move(word); },
      "Answer a message equal to WORD like any other, then drain and exit");
  add_switch(
      verb, "--no-print", [&] { flags.print = false; }, "Do not print messages on standard output");
}

void add_limits(CLI::App& verb, ServeFlags& flags) {
  add_value(
      verb, "--max-connections", "N", read_count,
      [&](std::size_t count) { flags.server_limits.max_connections = count; },
      fmt::format("Most connections; more clients wait (default {})",
                  ServerLimits{}.max_connections));
  add_value(
      verb, "--max-per-uid", "N", read_count,
      [&](std::size_t count) { flags.server_limits.max_connections_per_uid = count; },
      fmt::format("Most connections of one user; more are turned away (default {})",
                  ServerLimits{}.max_connections_per_uid));
  add_value(
      verb, "--max-memory", "SIZE", read_size,
      [&](std::size_t size) { flags.server_limits.max_memory = size; },
      fmt::format("Most memory kept for all clients together (default {})",
                  write_size(ServerLimits{}.max_memory)));
  add_value(
      verb, "--max-memory-per-uid", "SIZE", read_size,
      [&](std::size_t size) { flags.server_limits.max_memory_per_uid = size; },
      fmt::format("The same for the clients of one user (default {})",
                  write_size(ServerLimits{}.max_memory_per_uid)));
  add_value(
      verb, "--idle-timeout", "TIME", read_duration, [&](Duration time) { flags.idle_time = time; },
      "Close a connection that was idle for TIME (default: never)");
  add_value(
      verb, "--handshake-timeout", "TIME", read_duration,
      [&](Duration time) { flags.handshake_time = time; },
      "Close a connection without a complete first message after TIME (default: never)");
  add_value(
      verb, "--timeout", "TIME", read_duration, [&](Duration time) { flags.timeout = time; },
      fmt::format("Time limit for receiving a message completely, and for an answer to be read "
                  "(default {}); datagram: how long an answer waits for a full queue (default {})",
                  write_duration(Limits{}.message_time),
                  write_duration(serve_defaults::datagram_timeout)));
  add_value(
      verb, "--full", "wait|drop-oldest|drop-newest|disconnect", read_broadcast_overflow,
      [&](OverflowPolicy policy) { flags.overflow = policy; },
      "What a broadcast does to a client whose queue is full (default disconnect)")
      .needs("--broadcast");
}

void add_life(CLI::App& verb, ServeFlags& flags) {
  add_spin(verb, flags.loop);
  add_switch(verb, "--once", flags.once, "Serve one connection, then exit");
  add_service(verb, flags.listening);
}

/// Refuses each of `names` that is given together with `beside`.
void refuse_beside(const CLI::App& verb, const std::string& beside, Names names,
                   const std::string& why) {
  for (const char* name : names) {
    if (given(verb, name)) refuse_flags(beside + " " + name, why);
  }
}

void check_datagram(const CLI::App& verb) {
  refuse_beside(
      verb, "--type datagram",
      {"--broadcast", "--sized", "--hangup", "--exit-word", "--max-connections", "--max-per-uid",
       "--max-memory", "--max-memory-per-uid", "--idle-timeout", "--handshake-timeout", "--once"},
      "datagrams have no connections");
  refuse_beside(verb, "--type datagram", {"--takeover"}, "queued datagrams cannot be handed over");
}

void check_program(const CLI::App& verb) {
  refuse_beside(verb, "-- PROGRAM",
                {"--echo", "--ack", "--broadcast", "--on", "--sized", "--hangup", "--handler",
                 "--exit-word", "--stop-word", "--no-print", "--framing", "--max-message",
                 "--idle-timeout", "--handshake-timeout", "--timeout"},
                "the program handles the connection itself");
}

/// Refuses replies over the limit: they could not be sent, and each would end its connection.
void check_replies(const ServeFlags& flags) {
  const std::size_t most = flags.wire.max_message;
  const auto check = [most](const char* flag, const std::string& text) {
    if (text.size() <= most) return;
    refuse_flags(std::string("--max-message ") + flag,
                 "a message of " + counted(text.size(), "byte") + " is over the limit");
  };
  if (flags.answer.ack) check("--ack", *flags.answer.ack);
  for (const auto& [word, reply] : flags.answer.on) {
    check("--on", word);
    check("--on", reply);
  }
}

void check(const CLI::App& verb, ServeFlags& flags) {
  const SocketType type = flags.wire.type;
  check_wire(verb, flags.wire);
  if (flags.answer.echo && flags.answer.handler.command) {
    refuse_flags("--echo --handler", "a message has one answer: choose one");
  }
  if (flags.answer.sized && flags.answer.broadcast) {
    refuse_flags("--sized --broadcast", "a client could not distinguish a reply from a broadcast");
  }
  check_replies(flags);
  if (type == SocketType::datagram) check_datagram(verb);
  if (!flags.program.empty() && type == SocketType::datagram) {
    refuse_flags("--type datagram -- PROGRAM", "datagrams have no connections");
  }
  if (!flags.program.empty()) check_program(verb);
}

/// Completes the flags: the exit word has a default only where people may type, and an empty word
/// disables it.
void complete(const CLI::App& verb, ServeFlags& flags) {
  const bool typed = flags.wire.type == SocketType::stream &&
                     flags.wire.framing == Framing::lines() && !flags.answer.echo;
  if (!given(verb, "--exit-word") && typed) flags.exit_word = serve_defaults::exit_word;
  if (flags.exit_word == "") flags.exit_word.reset();
  if (flags.stop_word == "") flags.stop_word.reset();
}

}  // namespace

const std::string* AnswerFlags::reply_to(std::string_view message) const {
  const auto found =
      std::ranges::find_if(on, [&](const auto& pair) { return pair.first == message; });
  return found != on.end() ? &found->second : nullptr;
}

Limits ServeFlags::limits() const {
  Limits limits = wire.limits();
  limits.idle_time = idle_time;
  limits.handshake_time = handshake_time;
  if (timeout) limits.message_time = limits.outbound_soft_time = *timeout;
  return limits;
}

SandboxNeeds ServeFlags::sandbox_needs() const {
  SandboxNeeds needs{.off = {},
                     .sockets = {address},
                     .rebinds = listening.on_path_lost == PathLost::rebind,
                     .config = {},
                     .looks_into_processes = {}};
  if (!listening.sandbox)
    needs.off = "--no-sandbox";
  else if (answer.handler.command)
    needs.off = "the programs of --handler would be restricted as well";
  else if (!program.empty())
    needs.off = "the program would be restricted as well";
  // The path in a datagram's address is resolved from its sender's working directory and root.
  const bool answers = answer.echo || answer.ack || !answer.on.empty();
  if (wire.type == SocketType::datagram && answers) {
    needs.looks_into_processes = "it would hide the addresses of datagram senders";
  }
  return needs;
}

void add_serve_flags(CLI::App& verb, ServeFlags& flags) {
  auto word = std::make_shared<std::string>(default_address());
  add_argument(verb, "ADDRESS", *word, "Where to listen: a path, @name, fd:N or activation[:NAME]");
  add_verbosity(verb, flags.verbosity);
  add_wire(verb, flags.wire);
  add_answers(verb, flags.answer);
  add_handler(
      verb, flags.answer.handler,
      "Run CMD with sh -c for each message, on its input, and answer with its output without one "
      "final newline; without output there is no answer");
  add_words(verb, flags);
  add_admission(verb, flags.listening);
  add_limits(verb, flags);
  add_life(verb, flags);
  on_parsed(verb, [&verb, &flags, word] {
    flags.address = read_listening_address(*word, flags.listening.takeover);
    check(verb, flags);
    complete(verb, flags);
  });
}

}  // namespace hallway::tool
