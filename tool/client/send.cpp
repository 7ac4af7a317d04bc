// SPDX-License-Identifier: Apache-2.0
//
// hallway send and hallway request: send messages, receive the requested number of replies, exit.
#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <hallway/child.hpp>
#include <hallway/client.hpp>
#include <hallway/datagram_socket.hpp>
#include <hallway/loop.hpp>
#include <hallway/socket.hpp>

#include "cli/add_value.hpp"
#include "cli/flags.hpp"
#include "cli/verb.hpp"
#include "client/hub_runner.hpp"
#include "io/deadline.hpp"
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
    "\nOne word is the message, and goes to the default address; of more words the\n"
    "first is the address, unless --at gives it. The message - stands for all of\n"
    "standard input.\n";

constexpr const char* request_examples =
    "Examples:\n"
    "  hallway request status                    to the default address\n"
    "  hallway request ./app.sock status --timeout 1s\n"
    "  hallway request exec:'bc -l' '4*a(1)'     to a program started for it\n"
    "  hallway request /tmp/seq.socket SEND --type seqpacket --sized\n"
    "  hallway request --subject time.now ''     by way of a hub\n";

struct SendFlags {
  Verbosity wordiness;
  LoopOptions loop;
  Wire wire;
  Target target;
  std::vector<std::string> messages;
  std::string at;
  std::string subject;     // of a hub; empty if no hub is used
  std::string wait_reply;  // its text
  std::size_t replies = 0;
  bool sized = false;
};

Error error_about(const SendFlags& flags, std::errc code, std::string_view reason) {
  return error_of(code, "receive", flags.target.address.unescaped(), reason);
}

/// Reads all of standard input as one message.
Result<std::string> read_input(const Wire& wire) {
  std::string input;
  std::array<char, 64 * kibibyte> buffer;
  while (input.size() <= wire.max_message + 1) {
    const ssize_t got = patient_read(STDIN_FILENO, buffer.data(), buffer.size());
    if (got < 0) return std::unexpected(error_of(errno, "read", "standard input"));
    if (got == 0) break;
    input.append(buffer.data(), static_cast<std::size_t>(got));
  }
  // The framing adds it again.
  const bool lines = wire.type == SocketType::stream && wire.framing == Framing::lines();
  if (lines && input.ends_with('\n')) input.pop_back();
  if (input.size() > wire.max_message) {
    return std::unexpected(error_of(std::errc::message_size, "read", "standard input",
                                    "more than --max-message " + write_size(wire.max_message)));
  }
  return input;
}

Result<void> print(const SendFlags& flags, std::string_view reply) {
  return write_out(flags.wordiness.json ? json_line(reply, 0)
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
  return Client::connect(flags.target.address,
                         {.deadline = flags.target.timeout.value_or(defaults::connect_time),
                          .type = flags.wire.type,
                          .framing = flags.wire.framing,
                          .limits = flags.wire.limits(),
                          .server_uid = flags.target.server_uid});
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
        return fail(about(flags_->target, sent.error(), client_.counters()));
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
    end(fail(error_about(*flags_, std::errc::bad_message, "no size packet came before the reply")));
    return std::nullopt;
  }

  bool usable(const Received& received) {
    if (received || received.outcome() == Outcome::truncated) return true;
    if (received.outcome() != Outcome::timed_out || deadline_.passed()) {
      end(fail(about(flags_->target, received.error(), client_.counters())));
    }
    return false;
  }

  /// Prints a reply. A packet may be longer than the size announced before it; the rest is not part
  /// of the reply.
  bool show(std::string_view reply, std::optional<std::size_t> size) {
    if (size && reply.size() < *size) {
      end(fail(error_about(*flags_, std::errc::bad_message,
                           fmt::format("the reply has {} and not the {} announced",
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
  auto socket = DatagramSocket::connect(
      loop, flags.target.address,
      {.max_message = flags.wire.max_message, .server_uid = flags.target.server_uid});
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
    if (!reply) co_return fail(reply.error());
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
  Events events(flags.wordiness);
  const Deadline deadline(flags.target.timeout.value_or(defaults::request_time));
  Loop loop(flags.loop);
  if (loop.error()) return fail(*loop.error());
  if (flags.wire.type == SocketType::datagram) {
    return loop.run(exchange_datagrams(loop, flags, events, deadline));
  }
  auto client = connect(loop, flags);
  if (!client) return fail_to_connect(client.error());
  return Exchange(flags, events, std::move(*client), deadline).run();
}

/// The same through a hub.
int request_of_hub(SendFlags& flags) {
  if (auto replaced = replace_dashes(flags); !replaced) return fail(replaced.error());
  const HubFlags hub{flags.wordiness, flags.loop, flags.target};
  return ask_hub(hub, flags.subject, flags.messages.front());
}

/// Refuses flags for a direct connection.
void check_hub_request(const CLI::App& verb) {
  for (const char* name : {"--type", "--framing", "--sized"}) {
    if (given(verb, name)) {
      refuse_flags(std::string("--subject ") + name, "a hub speaks a protocol of its own");
    }
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
  if (words.empty()) refuse_flags("MESSAGE", "missing");
  flags.target.address = read_address(address);
  flags.messages = std::move(words);
}

void check(const CLI::App& verb, const SendFlags& flags) {
  check_wire(verb, flags.wire);
  check_reach(verb, flags.target, flags.wire.type);
  const bool datagram = flags.wire.type == SocketType::datagram;
  if (flags.sized && datagram) refuse_flags("--type datagram --sized", "datagrams have no order");
  if (flags.sized && flags.replies == 0) refuse_flags("--sized", "needs --wait-reply");
  if (datagram && flags.target.address.kind() == Address::Kind::exec) {
    refuse_flags("--type datagram", "a program is reached by stream or seqpacket");
  }
}

std::size_t read_replies(const std::string& text) {
  const auto replies = read_count(text);
  if (!replies) throw Refused("--wait-reply " + text, replies.error());
  return *replies;
}

Run add(CLI::App& verb, const std::shared_ptr<SendFlags>& flags, const char* examples) {
  verb.allow_extras();
  add_wordiness(verb, flags->wordiness);
  add_spin(verb, flags->loop);
  add_wire(verb, flags->wire);
  add_reach(
      verb, flags->target,
      fmt::format("For all of it together (default {}, of which {} to connect)",
                  write_duration(defaults::request_time), write_duration(defaults::connect_time)));
  add_value(
      verb, "--at", "ADDRESS", read_text, [flags](std::string at) { flags->at = std::move(at); },
      "Where to; all words are then messages");
  verb.add_flag("--sized", flags->sized,
                "Each reply follows its size, a 32-bit integer in host order: a packet of its own "
                "(seqpacket), or 4 bytes (stream)");
  verb.footer(examples);
  return [flags] { return send(*flags); };
}

}  // namespace

Run add_send(CLI::App& verb, const TrailingArgs& rest) {
  auto flags = std::make_shared<SendFlags>();
  // Not add_value(): a word after this flag is a message, and only "=" gives it a number.
  verb.add_flag("--wait-reply{1}", flags->wait_reply,
                "Print so many replies before exiting; alone it means 1, --wait-reply=N means N")
      ->type_name("[=N]");
  verb.final_callback([&verb, flags, rest] {
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
      "Ask by way of a hub whoever subscribed to SUBJECT; --at is the hub's address");
  verb.final_callback([&verb, flags, rest] {
    if (flags->subject.empty()) {
      part_words(*flags, words_of(verb, rest));
      check(verb, *flags);
    } else {
      check_hub_request(verb);
      flags->messages = words_of(verb, rest);
      flags->target.address = read_hub_address(flags->at);
    }
    if (flags->messages.size() != 1) refuse_flags("MESSAGE", "one is asked, not several");
  });
  return [flags, request] { return flags->subject.empty() ? request() : request_of_hub(*flags); };
}

}  // namespace hallway::tool
