// SPDX-License-Identifier: Apache-2.0
//
// hallway send and hallway request: send messages, receive the requested number of replies, exit.
#include <fmt/format.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <hallway/child.hpp>
#include <hallway/client.hpp>
#include <hallway/datagram_socket.hpp>
#include <hallway/deadline.hpp>
#include <hallway/loop.hpp>
#include <hallway/socket.hpp>

#include "cli/add_value.hpp"
#include "cli/flags.hpp"
#include "cli/verb.hpp"
#include "client/hub_runner.hpp"
#include "io/input.hpp"
#include "io/output.hpp"
#include "io/patient_write.hpp"
#include "io/report.hpp"

namespace hallway::tool {

namespace {

constexpr const char* send_examples =
    "Examples:\n"
    "  hallway send hello                        to the default address\n"
    "  hallway send ./app.sock start stop        two messages\n"
    "  date | hallway send ./app.sock -\n"
    "  hallway send ./app.sock --wait-reply=2 a b\n"
    "\nA single word is the message, for the default address; of several words, the\n"
    "first is the address, unless --at is given. The message - stands for all of\n"
    "standard input.\n";

constexpr const char* request_examples =
    "Examples:\n"
    "  hallway request status                    to the default address\n"
    "  hallway request ./app.sock status --timeout 1s\n"
    "  hallway request exec:'bc -l' '4*a(1)'     to a program that is started\n"
    "  hallway request /tmp/seq.socket SEND --type seqpacket --sized\n"
    "  hallway request --subject time.now ''     through a hub\n";

struct SendFlags {
  Verbosity verbosity;
  LoopOptions loop;
  Wire wire;
  Target target;
  std::vector<std::string> messages;
  std::string at;
  std::string subject;     // of a hub; empty if no hub is used
  HubFlags hub;            // if there is a subject
  std::string wait_reply;  // its text
  std::size_t replies = 0;
  bool sized = false;
};

Error error_about(const SendFlags& flags, std::errc code, std::string_view reason) {
  return error_of(code, "receive", flags.target.address.unescaped(), reason);
}

Duration timeout_of(const SendFlags& flags) {
  return flags.target.timeout.value_or(defaults::request_time);
}

Error unanswered(const SendFlags& flags, Error error) {
  return timed_out(std::move(error), "no answer", timeout_of(flags));
}

/// Reads all of standard input as one message.
Result<std::string> read_input(const Wire& wire) {
  auto input = read_all_input(wire.max_message + 1);
  if (!input) return input;
  // The framing adds it again.
  const bool lines = wire.type == SocketType::stream && wire.framing == Framing::lines();
  if (lines && input->ends_with('\n')) input->pop_back();
  if (input->size() > wire.max_message) {
    return std::unexpected(error_of(std::errc::message_size, "read", "standard input",
                                    "larger than --max-message " + write_size(wire.max_message)));
  }
  return input;
}

Result<void> print(const SendFlags& flags, std::string_view reply) {
  return write_out(flags.verbosity.json ? json_line(reply, 0)
                                        : printed_line(reply, isatty(STDOUT_FILENO) == 1));
}

/// The exit status after printing failed. A reader that went away is not a failure.
int fail_to_print(const Error& error) {
  return error.code == std::errc::broken_pipe ? exit_status::done : fail(error);
}

/// Starts a program at the other end of a socket pair. Its input ends when this end is closed.
Result<Client> start(Loop& loop, const SendFlags& flags) {
  auto pair = socket_pair(flags.wire.type);
  if (!pair) return std::unexpected(pair.error());
  const int theirs = pair->second.get();
  auto child =
      Child::spawn_with(loop, flags.target.address.command(), {theirs, theirs, STDERR_FILENO});
  if (!child) return std::unexpected(child.error());
  return Client::adopt(std::move(pair->first),
                       {.framing = flags.wire.framing, .limits = flags.wire.limits()});
}

Result<Client> connect(Loop& loop, const SendFlags& flags) {
  if (flags.target.address.kind() == Address::Kind::exec) return start(loop, flags);
  return Client::connect(
      flags.target.address,
      {.timeout = flags.target.timeout.value_or(defaults::connect_time),
       .retry_for = flags.target.retry_for,
       .type = flags.wire.type,
       .connection = {.framing = flags.wire.framing, .limits = flags.wire.limits()},
       .server_uid = flags.target.server_uid,
       .trusted_server = flags.target.requires_trust()});
}

/// Messages and replies over one connection.
class Exchange {
 public:
  Exchange(const SendFlags& flags, Events& events, Client client, Deadline deadline)
      : flags_(&flags), events_(&events), client_(std::move(client)), deadline_(deadline) {
    if (!flags.sized || client_.type() != SocketType::stream) return;
    client_.set_framing(Framing::len32(), flags.wire.framing);
  }

  /// Sends all messages and prints the replies.
  /// @return the exit status
  int run() {
    for (const std::string& message : flags_->messages) {
      const Sent sent = client_.send(message, deadline_.left());
      if (!sent) {
        // A peer may answer without reading everything.
        if (sent.outcome() == Outcome::peer_gone && missing_ > 0) break;
        Error error = sent.error();
        if (sent.outcome() == Outcome::timed_out) {
          error = timed_out(std::move(error), "the server did not read the message",
                            timeout_of(*flags_));
        }
        return fail(about(flags_->target, std::move(error), client_.counters()));
      }
      events_->message("sent", 0, message);
      // A server that answers while it reads must not block because we do not read.
      while (missing_ > 0 && !ended_ && take_reply(Duration::zero())) {
      }
      if (ended_) return status_;
    }
    while (missing_ > 0 && !ended_) await_reply();
    client_.close();
    return status_;
  }

 private:
  /// Waits for one reply and prints it. Ends at once if the output has no reader.
  void await_reply() {
    // First busy-poll, as a waiting receive does, for at most bounds::spin.
    const bool done = take_reply(std::min(bounds::spin, deadline_.left())) || ended_;
    if (done) return;
    const Awaited awaited = wait_readable(client_.descriptor(), STDOUT_FILENO, deadline_.left());
    if (awaited == Awaited::reader_gone) end(exit_status::done);
  }

  /// Prints one reply.
  /// @return false if there was none; once the deadline has passed, this ends the run
  bool take_reply(Duration within) {
    std::optional<std::size_t> size;
    if (flags_->sized && client_.type() == SocketType::seqpacket) {
      size = take_size(within);
      if (!size) return false;
      within = deadline_.left();
    }
    auto received = client_.receive(within);
    if (!usable(received)) return false;
    --missing_;
    events_->message("received", 0, received->bytes());
    return show(received->bytes(), size);
  }

  std::optional<std::size_t> take_size(Duration within) {
    auto received = client_.receive(within);
    if (!usable(received)) return std::nullopt;
    std::int32_t size = -1;
    if (received->size() == sizeof size) std::memcpy(&size, received->bytes().data(), sizeof size);
    if (size >= 0) return static_cast<std::size_t>(size);
    end(fail(error_about(*flags_, std::errc::bad_message,
                         "the reply came without a size packet before it")));
    return std::nullopt;
  }

  bool usable(const Received& received) {
    if (received) return true;
    const bool late = received.outcome() == Outcome::timed_out;
    if (late && !deadline_.passed()) return false;
    const Error error = late ? unanswered(*flags_, received.error()) : received.error();
    end(fail(about(flags_->target, error, client_.counters())));
    return false;
  }

  /// Prints a reply. A packet may be longer than the size announced before it; the rest is not part
  /// of the reply.
  bool show(std::string_view reply, std::optional<std::size_t> size) {
    if (size && reply.size() < *size) {
      end(fail(error_about(*flags_, std::errc::bad_message,
                           fmt::format("the reply has {}, but {} were announced",
                                       counted(reply.size(), "byte"), *size))));
      return false;
    }
    const auto printed = print(*flags_, reply.substr(0, size.value_or(reply.size())));
    if (!printed) end(fail_to_print(printed.error()));
    return printed.has_value();
  }

  void end(int status) {
    status_ = status;
    ended_ = true;
  }

  const SendFlags* flags_;
  Events* events_;
  Client client_;
  Deadline deadline_;
  std::size_t missing_ = flags_->replies;
  int status_ = exit_status::done;
  bool ended_ = false;
};

Task<int> exchange_datagrams(Loop& loop, const SendFlags& flags, Events& events,
                             Deadline deadline) {
  const auto server_uid = flags.target.datagram_server_uid();
  if (!server_uid) co_return fail_to_connect(server_uid.error());
  auto socket =
      DatagramSocket::connect(loop, flags.target.address,
                              {.max_message = flags.wire.max_message, .server_uid = *server_uid});
  if (!socket) co_return fail_to_connect(socket.error());
  Output output(loop, flags.replies > 0);
  bool sent_all = false;
  bool reader_gone = false;
  output.on_end([&] {
    reader_gone = true;
    if (sent_all) socket->close();
  });
  for (const std::string& message : flags.messages) {
    const auto sent = co_await socket->send(message, deadline.left());
    if (!sent) co_return fail(sent.error());
    events.message("sent", 0, message);
  }
  sent_all = true;
  for (std::size_t missing = flags.replies; missing > 0 && !reader_gone; --missing) {
    const auto reply = co_await socket->receive(deadline.left());
    if (reader_gone) break;
    if (!reply) {
      const bool late = reply.error().code == std::errc::timed_out;
      co_return fail(late ? unanswered(flags, reply.error()) : reply.error());
    }
    events.message("received", 0, reply->bytes());
    const auto printed = print(flags, reply->bytes());
    if (!printed) co_return fail_to_print(printed.error());
  }
  co_return output.error() ? fail(*output.error()) : exit_status::done;
}

/// Replaces each "-" by standard input.
Result<void> replace_dashes(SendFlags& flags) {
  for (std::string& message : flags.messages) {
    if (message != "-") continue;
    auto input = read_input(flags.wire);
    if (!input) return std::unexpected(input.error());
    message = std::move(*input);
  }
  return {};
}

int send(SendFlags& flags) {
  if (auto replaced = replace_dashes(flags); !replaced) return fail(replaced.error());
  Events events(flags.verbosity);
  const Deadline deadline(timeout_of(flags));
  auto loop = Loop::create(flags.loop);
  if (!loop) return fail(loop.error());
  if (flags.wire.type == SocketType::datagram) {
    return loop->run(exchange_datagrams(*loop, flags, events, deadline));
  }
  auto client = connect(*loop, flags);
  if (!client) return fail_to_connect(client.error());
  // The time spent waiting for a server counts for --retry alone.
  const bool waited = flags.target.retry_for > Duration::zero();
  return Exchange(flags, events, std::move(*client),
                  waited ? Deadline(timeout_of(flags)) : deadline)
      .run();
}

/// The same through a hub.
int request_of_hub(SendFlags& flags) {
  if (auto replaced = replace_dashes(flags); !replaced) return fail(replaced.error());
  return run_request(flags.hub, flags.subject, flags.messages.front());
}

/// Refuses flags for a direct connection.
void check_hub_request(const CLI::App& verb) {
  for (const char* name : {"--type", "--framing", "--sized"}) {
    if (given(verb, name)) {
      refuse_flags(std::string("--subject ") + name, "not for a hub, which has its own protocol");
    }
  }
  if (given(verb, "--retry")) {
    refuse_flags("--subject --retry", "not for a hub: use hallway wait first");
  }
}

/// Takes a single word as the message. Of several words, the first is the address, unless --at is
/// given.
void part_words(SendFlags& flags, std::vector<std::string> words) {
  std::string address = flags.at.empty() ? default_address() : flags.at;
  if (flags.at.empty() && words.size() > 1) {
    address = words.front();
    words.erase(words.begin());
  }
  if (words.empty()) refuse_flags("MESSAGE", "a message is required");
  flags.target.address = read_address(address);
  flags.messages = std::move(words);
}

void check(const CLI::App& verb, const SendFlags& flags) {
  check_wire(verb, flags.wire);
  check_target(verb, flags.target, flags.wire.type);
  const bool datagram = flags.wire.type == SocketType::datagram;
  if (flags.sized && datagram)
    refuse_flags("--type datagram --sized", "datagrams may arrive in another order");
  if (flags.sized && flags.replies == 0) refuse_flags("--sized", "requires --wait-reply");
  if (datagram && flags.target.address.kind() == Address::Kind::exec) {
    refuse_flags("--type datagram", "exec: needs stream or seqpacket");
  }
}

std::size_t read_replies(const std::string& text) {
  const auto replies = read_count(text);
  if (!replies) refuse_value("--wait-reply " + text, replies.error());
  return *replies;
}

Run add(CLI::App& verb, const std::shared_ptr<SendFlags>& flags, const char* examples) {
  accept_words(verb);
  add_verbosity(verb, flags->verbosity);
  add_spin(verb, flags->loop);
  add_wire(verb, flags->wire);
  add_target_flags(
      verb, flags->target,
      fmt::format("Time limit for everything together (default {}, at most {} of it to connect)",
                  write_duration(defaults::request_time), write_duration(defaults::connect_time)));
  add_retry(verb, flags->target);
  add_value(
      verb, "--at", "ADDRESS", read_text, [flags](std::string at) { flags->at = std::move(at); },
      "Address of the server; all words are then messages");
  add_switch(verb, "--sized", flags->sized,
             "Each reply follows its size, a 32-bit integer in host order: a packet of its own "
             "(seqpacket), or 4 bytes (stream)");
  add_examples(verb, examples);
  return [flags] { return send(*flags); };
}

}  // namespace

Run add_send(CLI::App& verb, const TrailingArgs& rest) {
  auto flags = std::make_shared<SendFlags>();
  add_assigned_value(verb, "--wait-reply", "N", flags->wait_reply, "1",
                     "Print N replies before exiting; without =N, one");
  on_parsed(verb, [&verb, flags, rest] {
    if (given(verb, "--wait-reply")) flags->replies = read_replies(flags->wait_reply);
    part_words(*flags, words_of(verb, rest));
    check(verb, *flags);
  });
  return add(verb, flags, send_examples);
}

Run add_request(CLI::App& verb, const TrailingArgs& rest) {
  auto flags = std::make_shared<SendFlags>();
  flags->replies = 1;
  const Run request = add(verb, flags, request_examples);
  add_value(
      verb, "--subject", "SUBJECT", read_subject,
      [flags](std::string subject) { flags->subject = std::move(subject); },
      "Send the request to SUBJECT of the hub at --at");
  on_parsed(verb, [&verb, flags, rest] {
    if (flags->subject.empty()) {
      part_words(*flags, words_of(verb, rest));
      check(verb, *flags);
    } else {
      check_hub_request(verb);
      flags->messages = words_of(verb, rest);
      flags->hub = {flags->verbosity, flags->loop, flags->target};
      choose_hub(flags->hub, flags->at);
    }
    if (flags->messages.size() != 1) refuse_flags("MESSAGE", "exactly one message is required");
  });
  return [flags, request] { return flags->subject.empty() ? request() : request_of_hub(*flags); };
}

}  // namespace hallway::tool
