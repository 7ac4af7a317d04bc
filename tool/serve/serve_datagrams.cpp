// SPDX-License-Identifier: Apache-2.0
#include "serve/serve_datagrams.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include <hallway/datagram_socket.hpp>
#include <hallway/semaphore.hpp>
#include <hallway/task_scope.hpp>

#include "io/report.hpp"
#include "io/values.hpp"
#include "serve/answering.hpp"
#include "serve/waiting_answers.hpp"
#include "server/ready.hpp"
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
        events_(&events),
        socket_(&socket),
        answering_(loop, flags, events, output),
        places_(loop, at_once(flags)),
        allow_(&allow),
        answers_(loop, socket, events, flags.timeout.value_or(serve_defaults::datagram_timeout)),
        treating_(loop) {}

  /// Handles datagrams as they arrive. Once the loop drains, handles only those that have already
  /// arrived. Completes when all answers, including those of concurrent handlers, are done.
  Task<> serve() {
    for (;;) {
      auto place = co_await places_.acquire();
      auto datagram = co_await socket_->receive();
      if (!datagram) {
        over(datagram.error());
        break;
      }
      if (!admits(*datagram)) continue;
      treating_.spawn(treat(datagram->to_owned(), datagram->return_address(), std::move(place)));
    }
    co_await treating_.join();
    co_await answers_.all_sent();
  }

 private:
  /// Handlers take time and run concurrently; other answers keep their order.
  static std::size_t at_once(const ServeFlags& flags) {
    return flags.answer.handler.command ? flags.answer.handler.processes : 1;
  }

  bool admits(const Datagram& datagram) {
    if (datagram.outcome() == Outcome::truncated) {
      events_->log(
          Events::Level::usual, "refused", 0,
          fmt::format("{} from {}: larger than --max-message",
                      counted(datagram.whole_size(), "byte"), datagram.peer().to_string()));
      return false;
    }
    const bool admitted =
        allow_->empty() || std::ranges::any_of(*allow_, [&](const AllowRule& rule) {
          return rule.admits(datagram.peer(), {});
        });
    if (!admitted) {
      events_->log(Events::Level::usual, "turned away", 0,
                   datagram.peer().to_string() + ": no rule admits it",
                   {{"peer", tool::json_of(datagram.peer())}, {"reason", "no rule admits it"}});
    }
    return admitted;
  }

  /// @param place  held until the task ends
  Task<> treat(std::string message, ReturnAddress sender,
               [[maybe_unused]] Semaphore::Permit place) {
    try {
      co_await answering_.print(message, 0);
      DatagramReplies replies(answers_, sender);
      co_await answering_.answer(message, replies);
    } catch (const std::exception& failure) {
      events_->log(Events::Level::usual, "failed", 0, failure.what(), {{"reason", failure.what()}});
    }
    answering_.drain_on_stop_word(message);
  }

  void over(const Error& error) {
    const bool expected =
        error.code == std::errc::operation_canceled || error.code == std::errc::timed_out;
    if (expected) return;
    fail(error);
    loop_->stop(exit_status::failed);
  }

  Loop* loop_;
  Events* events_;
  DatagramSocket* socket_;
  Answering answering_;
  Semaphore places_;
  const std::vector<AllowRule>* allow_;
  WaitingAnswers answers_;
  TaskScope treating_;
};

/// Owns what the service needs, so that everything is destroyed together.
Task<> serve(Loop& loop, const ServeFlags& flags, Events& events, Output& output,
             DatagramSocket socket, const std::vector<AllowRule>& allow) {
  DatagramService service(loop, flags, events, output, socket, allow);
  co_await service.serve();
}

void log_listening(Events& events, const DatagramSocket& socket) {
  const std::string address = socket.address().unescaped();
  events.log(Events::Level::usual, "listening", 0, address + " (datagram)",
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
      {.file = {.mode = listening.mode.value_or(defaults::mode),
                .owner = listening.owner.value_or(""),
                .group = listening.group.value_or("")},
       .max_message = flags.wire.max_message,
       .on_path_lost = on_path_lost,
       .on_path_event = [&watch](const PathEvent& event) { watch.follow(event); }});
  if (!socket) return fail(socket.error());
  const Address::Kind kind = socket->address().kind();
  auto allow = effective_rules(listening.allow, kind);
  if (!allow) return fail(allow.error());
  run.on_reload([&allow, kind, rules = listening.allow]() -> ServerRun::Apply {
    return [&allow, count = rules.size(),
            now = effective_rules(rules, kind)]() mutable -> Result<std::string> {
      if (!now) return std::unexpected(std::move(now.error()));
      *allow = std::move(*now);
      return counted(count, "rule");
    };
  });
  if (auto claimed = run.claim_signals(); !claimed) return fail(claimed.error());
  enter_sandbox(events, flags.sandbox_needs(), &output);
  log_listening(events, *socket);
  loop.spawn(serve(loop, flags, events, output, std::move(*socket), *allow));
  return watch.status_of_end(run.run(listening.ready_fd), "serve");
}

}  // namespace hallway::tool
