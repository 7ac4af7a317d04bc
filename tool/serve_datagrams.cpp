// SPDX-License-Identifier: Apache-2.0
#include "serve_datagrams.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <list>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <hallway/datagram_socket.hpp>

#include "answering.hpp"
#include "background.hpp"
#include "ready.hpp"
#include "report.hpp"
#include "values.hpp"

namespace hallway::tool {

namespace {

/// Replies to the sender of one datagram, if it has an address.
class DatagramReplies final : public ReplyPath {
 public:
  DatagramReplies(DatagramSocket& socket, Events& events, Address sender, Duration within)
      : socket_(&socket), events_(&events), sender_(std::move(sender)), within_(within) {}

  Task<bool> reply(std::string_view bytes) override {
    const auto sent = co_await socket_->send_to(sender_, bytes, {}, within_);
    if (!sent) {
      timed_out_ = sent.error().code == std::errc::timed_out;
      events_->error("not answered", 0, sent.error());
      co_return false;
    }
    events_->message("sent", 0, bytes);
    co_return true;
  }

  [[nodiscard]] std::uint64_t number() const override { return 0; }
  [[nodiscard]] bool timed_out() const { return timed_out_; }

 private:
  bool timed_out_ = false;
  DatagramSocket* socket_;
  Events* events_;
  Address sender_;
  Duration within_;
};

class DatagramService {
 public:
  DatagramService(Loop& loop, const ServeFlags& flags, Events& events, Output& output,
                  DatagramSocket& socket)
      : loop_(&loop),
        flags_(&flags),
        events_(&events),
        socket_(&socket),
        answering_(loop, flags, events, output),
        answers_(loop, at_once(flags)),
        allow_(rules(flags)) {}

  /// Treats what arrives; once the loop drains, what has arrived. What it answers beside, with
  /// several handlers at once, is treated to its end.
  Task<> serve() {
    loop_->on_drain(this, [this] { close_if_done(); });
    for (;;) {
      Slot slot = co_await answers_.take();
      idle_ = !loop_->draining();
      auto datagram = co_await socket_->receive(idle_ ? forever : Duration::zero());
      idle_ = false;
      if (!datagram) {
        over(datagram.error());
        break;
      }
      if (!admits(*datagram)) continue;
      treated_.remove_if([](const Background& one) { return one.ended(); });
      treated_.push_back(treat(datagram->to_owned(), datagram->sender(), std::move(slot)));
    }
    loop_->forget(this);
    co_await all_answered();
  }

 private:
  /// Answers that take their time are given side by side; others keep their order.
  static std::size_t at_once(const ServeFlags& flags) {
    return flags.answer.handler ? flags.answer.handlers : 1;
  }

  /// As a Server does it: a name without permissions admits our own uid and root by itself.
  static std::vector<AllowRule> rules(const ServeFlags& flags) {
    std::vector<AllowRule> all = flags.allow;
    const Address::Kind kind = flags.address.kind();
    if (kind == Address::Kind::abstract || kind == Address::Kind::autobind) {
      all.push_back(allow::same_uid());
      all.push_back(allow::root());
    }
    return all;
  }

  bool admits(const Datagram& datagram) {
    if (datagram.outcome() == Outcome::truncated) {
      events_->tell(
          Events::Level::usual, "refused", 0,
          fmt::format("{} from {}: over --max-message", counted(datagram.whole_size(), "byte"),
                      datagram.peer().to_string()));
      return false;
    }
    const bool admitted = allow_.empty() || std::ranges::any_of(allow_, [&](const AllowRule& rule) {
                            return rule.admits(datagram.peer(), {});
                          });
    if (!admitted) {
      events_->tell(Events::Level::usual, "turned away", 0,
                    datagram.peer().to_string() + ": no rule admits it",
                    {{"peer", json_of(datagram.peer())}, {"reason", "no rule admits it"}});
    }
    return admitted;
  }

  Background treat(std::string message, Address sender, Slot slot) {
    const Slot held = std::move(slot);
    ++being_treated_;
    co_await answering_.print(message, 0);
    const std::string client = sender.to_string();
    const Duration usual = flags_->timeout.value_or(serve_defaults::datagram_timeout);
    DatagramReplies replies(*socket_, *events_, std::move(sender),
                            not_reading_.contains(client) ? Duration::zero() : usual);
    co_await answering_.answer(message, replies);
    note_reader(client, !replies.timed_out());
    --being_treated_;
    answering_.stop_if_told(message);
    if (loop_->draining()) close_if_done();
  }

  /// Who did not read its answers once is not waited for again until it does: the others would
  /// have to wait, too.
  void note_reader(const std::string& client, bool reads) {
    constexpr std::size_t most_remembered = 1024;
    if (reads) {
      not_reading_.erase(client);
    } else if (not_reading_.size() < most_remembered) {
      not_reading_.insert(client);
    }
  }

  /// A waiting receive knows no other way to end; but answers need the socket.
  void close_if_done() {
    if (idle_ && being_treated_ == 0) socket_->close();
  }

  /// Holding every slot means that nobody else does.
  Task<> all_answered() {
    std::vector<Slot> all;
    while (all.size() < at_once(*flags_)) all.push_back(co_await answers_.take());
  }

  void over(const Error& error) {
    const bool expected =
        error.code == std::errc::operation_canceled || error.code == std::errc::timed_out;
    if (expected) return;
    fail(error);
    loop_->stop(exit_status::failed);
  }

  Loop* loop_;
  const ServeFlags* flags_;
  Events* events_;
  DatagramSocket* socket_;
  Answering answering_;
  Slots answers_;
  std::vector<AllowRule> allow_;
  std::set<std::string> not_reading_;
  std::size_t being_treated_ = 0;
  bool idle_ = false;
  std::list<Background> treated_;
};

/// Owns what the service needs, so that all of it ends together.
Task<> serve(Loop& loop, const ServeFlags& flags, Events& events, Output& output,
             DatagramSocket socket) {
  DatagramService service(loop, flags, events, output, socket);
  co_await service.serve();
}

void tell_listening(Events& events, const DatagramSocket& socket) {
  const std::string address = socket.address().to_string();
  events.tell(Events::Level::usual, "listening", 0, address + " (datagram)",
              {{"address", address}, {"type", "datagram"}});
}

}  // namespace

int serve_datagrams(Loop& loop, const ServeFlags& flags, Events& events, Output& output) {
  auto socket = DatagramSocket::bind(loop, flags.address,
                                     {.mode = flags.mode,
                                      .owner = flags.owner,
                                      .group = flags.group,
                                      .max_message = flags.wire.max_message});
  if (!socket) return fail(socket.error());
  tell_listening(events, *socket);
  loop.spawn(serve(loop, flags, events, output, std::move(*socket)));
  return run_server(loop, events, flags.ready_fd);
}

}  // namespace hallway::tool
