// SPDX-License-Identifier: Apache-2.0
#include "serve/serve_datagrams.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <list>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include <hallway/datagram_socket.hpp>

#include "io/report.hpp"
#include "io/scoped_task.hpp"
#include "io/values.hpp"
#include "serve/answering.hpp"
#include "serve/waiting_answers.hpp"
#include "server/ready.hpp"
#include "server/reload_thread.hpp"
#include "server/server_sandbox.hpp"
#include "server/server_watch.hpp"

namespace hallway::tool {

namespace {

/// Sends replies to the sender of one datagram, if it has an address.
class DatagramReplies final : public ReplyPath {
 public:
  DatagramReplies(WaitingAnswers& answers, const ReturnAddress& sender)
      : answers_(&answers), sender_(&sender) {}

  Task<bool> reply(std::string_view bytes) override { return answers_->send(*sender_, bytes); }
  [[nodiscard]] std::uint64_t number() const override { return 0; }

 private:
  WaitingAnswers* answers_;
  const ReturnAddress* sender_;
};

/// The rules with their names resolved now. As in Server, an address without file permissions also
/// admits this process's uid and root.
Result<std::vector<AllowRule>> effective_rules(const std::vector<AllowRule>& rules,
                                               Address::Kind kind) {
  auto all = resolved(rules);
  if (all && (kind == Address::Kind::abstract || kind == Address::Kind::autobind)) {
    all->push_back(allow::same_uid());
    all->push_back(allow::root());
  }
  return all;
}

class DatagramService {
 public:
  DatagramService(Loop& loop, const ServeFlags& flags, Events& events, Output& output,
                  DatagramSocket& socket, const std::vector<AllowRule>& allow)
      : loop_(&loop),
        flags_(&flags),
        events_(&events),
        socket_(&socket),
        answering_(loop, flags, events, output),
        places_(loop, at_once(flags)),
        allow_(&allow),
        answers_(socket, events, flags.timeout.value_or(serve_defaults::datagram_timeout),
                 [this] { close_if_drained(); }) {}

  /// Handles datagrams as they arrive. Once the loop drains, handles only those that have already
  /// arrived. Completes when all answers, including those of concurrent handlers, are done.
  Task<> serve() {
    loop_->on_drain(this, [this] { close_if_drained(); });
    for (;;) {
      Slot slot = co_await places_.take();
      idle_ = !loop_->draining();
      auto datagram = co_await socket_->receive(idle_ ? forever : Duration::zero());
      idle_ = false;
      if (!datagram) {
        over(datagram.error());
        break;
      }
      if (!admits(*datagram)) continue;
      treated_.remove_if([](const ScopedTask& one) { return one.ended(); });
      treated_.push_back(treat(datagram->to_owned(), datagram->return_address(), std::move(slot)));
    }
    loop_->forget(this);
    co_await all_answered();
  }

 private:
  /// Handlers take time and run concurrently; other answers keep their order.
  static std::size_t at_once(const ServeFlags& flags) {
    return flags.answer.handler ? flags.answer.handlers : 1;
  }

  bool admits(const Datagram& datagram) {
    if (datagram.outcome() == Outcome::truncated) {
      events_->tell(
          Events::Level::usual, "refused", 0,
          fmt::format("{} from {}: over --max-message", counted(datagram.whole_size(), "byte"),
                      datagram.peer().to_string()));
      return false;
    }
    const bool admitted =
        allow_->empty() || std::ranges::any_of(*allow_, [&](const AllowRule& rule) {
          return rule.admits(datagram.peer(), {});
        });
    if (!admitted) {
      events_->tell(Events::Level::usual, "turned away", 0,
                    datagram.peer().to_string() + ": no rule admits it",
                    {{"peer", json_of(datagram.peer())}, {"reason", "no rule admits it"}});
    }
    return admitted;
  }

  ScopedTask treat(std::string message, ReturnAddress sender, Slot slot) {
    const Slot held = std::move(slot);
    ++being_treated_;
    co_await answering_.print(message, 0);
    DatagramReplies replies(answers_, sender);
    co_await answering_.answer(message, replies);
    --being_treated_;
    answering_.stop_if_told(message);
    close_if_drained();
  }

  /// Closing the socket is the only way to end a waiting receive, but answers need the socket.
  void close_if_drained() {
    const bool done = idle_ && being_treated_ == 0 && answers_.empty();
    if (loop_->draining() && done) socket_->close();
    if (none_waits_ != nullptr && answers_.empty()) none_waits_->happen();
  }

  /// Once it holds all slots, no message is being handled.
  Task<> all_answered() {
    std::vector<Slot> all;
    while (all.size() < at_once(*flags_)) all.push_back(co_await places_.take());
    Event none_waits(*loop_);
    none_waits_ = &none_waits;
    if (!answers_.empty()) co_await none_waits;
    none_waits_ = nullptr;
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
  Semaphore places_;
  const std::vector<AllowRule>* allow_;
  std::size_t being_treated_ = 0;
  bool idle_ = false;
  Event* none_waits_ = nullptr;  // set while all_answered() waits for it
  WaitingAnswers answers_;
  std::list<ScopedTask> treated_;
};

/// Owns what the service needs, so that everything is destroyed together.
Task<> serve(Loop& loop, const ServeFlags& flags, Events& events, Output& output,
             DatagramSocket socket, const std::vector<AllowRule>& allow) {
  DatagramService service(loop, flags, events, output, socket, allow);
  co_await service.serve();
}

void tell_listening(Events& events, const DatagramSocket& socket) {
  const std::string address = socket.address().unescaped();
  events.tell(Events::Level::usual, "listening", 0, address + " (datagram)",
              {{"address", address}, {"type", "datagram"}});
}

}  // namespace

int serve_datagrams(Loop& loop, const ServeFlags& flags, Events& events, Output& output) {
  const Listening& listening = flags.listening;
  const PathLost on_path_lost = listening.on_path_lost.value_or(PathLost::report);
  ServerRun run(loop, events, flags.address.unescaped());
  ServerWatch watch(loop, events, run, on_path_lost);
  auto socket = DatagramSocket::bind(
      loop, flags.address,
      {.mode = listening.mode.value_or(defaults::mode),
       .owner = listening.owner.value_or(""),
       .group = listening.group.value_or(""),
       .max_message = flags.wire.max_message,
       .on_path_lost = on_path_lost,
       .on_path_event = [&watch](const PathEvent& event) { watch.follow(event); }});
  if (!socket) return fail(socket.error());
  const Address::Kind kind = socket->address().kind();
  auto allow = effective_rules(listening.allow, kind);
  if (!allow) return fail(allow.error());
  run.on_reload([&allow, kind, rules = listening.allow]() -> ReloadThread::Apply {
    return [&allow, count = rules.size(),
            now = effective_rules(rules, kind)]() mutable -> Result<std::string> {
      if (!now) return std::unexpected(std::move(now.error()));
      *allow = std::move(*now);
      return counted(count, "rule");
    };
  });
  if (auto claimed = run.claim_signals(); !claimed) return fail(claimed.error());
  enter_sandbox(events, flags.sandbox_needs(), &output);
  tell_listening(events, *socket);
  loop.spawn(serve(loop, flags, events, output, std::move(*socket), *allow));
  const int status = run.run(listening.ready_fd);
  if (!watch.lost()) return status;
  return fail(error_of(std::errc::no_such_file_or_directory, "serve",
                       watch.lost()->path.unescaped(), watch.lost()->why));
}

}  // namespace hallway::tool
