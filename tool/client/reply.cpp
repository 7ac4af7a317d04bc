// SPDX-License-Identifier: Apache-2.0
//
// hallway reply: answers requests to a subject of a hub.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <hallway/bytes.hpp>
#include <hallway/hub_client.hpp>
#include <hallway/semaphore.hpp>
#include <hallway/task_handle.hpp>
#include <hallway/task_scope.hpp>

#include "cli/add_value.hpp"
#include "cli/handler_flags.hpp"
#include "cli/listening_flags.hpp"
#include "cli/verb.hpp"
#include "client/hub_runner.hpp"
#include "io/handler.hpp"
#include "io/input.hpp"
#include "io/values.hpp"

namespace hallway::tool {

namespace {

constexpr const char* reply_examples =
    "Examples:\n"
    "  hallway reply ping                        answer with what was asked\n"
    "  hallway reply service.name 'the kitchen'  always the same answer\n"
    "  hallway reply config.app - < app.toml     the same, from standard input\n"
    "  hallway reply 'time.*' --handler date --queue clocks\n"
    "  hallway reply sum --handler 'bc' --count 1\n"
    "\nA handler gets the request on its standard input, and its output, without one\n"
    "final newline, is the answer. Its environment has HALLWAY_SUBJECT and\n"
    "HALLWAY_REPLY, and of stamped requests HALLWAY_UID, HALLWAY_PID and\n"
    "HALLWAY_EXECUTABLE, which are otherwise empty.\n"
    "`hallway request --subject SUBJECT TEXT` asks.\n";

struct ReplyFlags {
  HubFlags hub;
  std::string at;
  std::string subject;
  std::optional<std::string> text;
  HandlerFlags handler;
  std::string queue;
  std::uint32_t count = 0;
  std::optional<int> ready_fd;
};

/// The environment of a handler. A variable of a request that has no such value is empty, so that
/// none is inherited from this process.
std::vector<std::string> environment_of(const hub::Message& request) {
  const auto field = [&](const char* name) {
    return std::string(request.find(name).value_or(ByteView()));
  };
  return {"HALLWAY_SUBJECT=" + std::string(request.subject()),
          "HALLWAY_REPLY=" + std::string(request.reply()), "HALLWAY_UID=" + field("Hallway-Uid"),
          "HALLWAY_PID=" + field("Hallway-Pid"),
          "HALLWAY_EXECUTABLE=" + field("Hallway-Executable")};
}

class Replying {
 public:
  Replying(HubRunner& runner, const ReplyFlags& flags)
      : runner_(&runner),
        flags_(&flags),
        left_(flags.count),
        places_(runner.loop(), flags.handler.processes) {}

  Task<> run() {
    // Of requests that are not read in time, the oldest are lost: their senders wait the shortest.
    auto hub = co_await runner_->connect({}, OverflowPolicy::drop_oldest);
    if (!hub || runner_->over().is_set()) co_return;
    if (flags_->text && flags_->text->size() > hub->max_payload()) {
      co_return runner_->end(
          fail(error_of(std::errc::message_size, "reply", flags_->subject,
                        fmt::format("the text is larger than the {} that the hub "
                                    "accepts (limits.max_payload)",
                                    write_size(hub->max_payload())))));
    }
    if (flags_->handler.command) {
      const std::size_t most = std::min(hub->max_payload(), bounds::max_message);
      handler_.emplace(runner_->loop(), *flags_->handler.command, flags_->handler.limits(most));
    }
    // Draining the client waits until the end of every subscription has been received. Nothing is
    // published to this one: its end is received when the last request has been answered.
    auto unanswered = hub->subscribe(fmt::format("_INBOX.hallway-reply-{}", getpid()));
    if (!unanswered) co_return runner_->end(fail(unanswered.error()));
    TaskScope tasks(runner_->loop());
    TaskHandle draining;
    const auto on_drain = runner_->loop().on_drain([&] { draining = tasks.spawn(drain(*hub)); });
    tasks.spawn(serve(*hub, *unanswered));
    co_await runner_->over().wait();
    co_await draining.join();
    tasks.cancel();
    co_await tasks.join();  // rethrows what ended one
  }

 private:
  static Task<> drain(hub::Client& hub) {
    if (hub.connected()) (void)co_await hub.drain();  // without a hub, nothing can be answered
  }

  Task<> serve(hub::Client& hub, hub::Subscription& unanswered) {
    try {
      TaskScope answers(runner_->loop());
      bool announced = false;
      do {
        auto requests = hub.subscribe(flags_->subject, options());
        if (!requests) co_return runner_->end(fail(requests.error()));
        if (!std::exchange(announced, true)) {
          std::vector<std::string> subjects(1, flags_->subject);
          co_await runner_->announce(hub, std::move(subjects), flags_->ready_fd);
        }
        co_await take(hub, *requests, answers);
        // Messages that are not requests count for the hub: it may have ended the subscription
        // before there were enough requests.
      } while (!enough() && !runner_->over().is_set());
      co_await answers.join();
      if (runner_->over().is_set()) {
        (void)co_await unanswered.receive();  // only its end comes
        co_return;
      }
      const hub::Sent had = co_await hub.flush();
      if (!had && !runner_->failed()) co_return runner_->end(fail(had.error()));
    } catch (...) {
      runner_->end();  // run() rethrows it
      throw;
    }
    runner_->end();
  }

  /// Takes requests until the subscription ends, or there were enough. At most --handlers are being
  /// answered; the others wait in the subscription's inbox.
  Task<> take(hub::Client& hub, hub::Subscription& requests, TaskScope& answers) {
    while (!enough()) {
      auto place = co_await places_.acquire();
      hub::Received received = co_await requests.receive();
      if (!received) co_return;
      const hub::Message& request = *received;
      runner_->events().message("received", 0, request.payload());
      if (request.reply().empty()) {
        runner_->events().log(Events::Level::detail, "no request", 0,
                              "the message has no subject for an answer",
                              {{"subject", std::string(request.subject())}});
        continue;
      }
      if (flags_->count > 0) --left_;
      if (handler_) {
        answers.spawn(answer_by_handler(hub, std::move(received), std::move(place)));
      } else {
        const ByteView text = flags_->text ? ByteView(*flags_->text) : request.payload();
        co_await answer(hub, request, text, {});
      }
    }
  }

  Task<> answer_by_handler(hub::Client& hub, hub::Received received,
                           [[maybe_unused]] Semaphore::Permit place) {
    const hub::Message& request = *received;
    std::vector<std::string> environment = environment_of(request);
    const auto printed = co_await handler_->answer(request.payload(), std::move(environment));
    if (printed) {
      const ByteView text = *printed ? ByteView(**printed) : ByteView();
      co_await answer(hub, request, text, {});
      co_return;
    }
    runner_->events().error("handler failed", 0, printed.error());
    // As services of NATS report a failure. The command itself stays private.
    const std::string why = printable(printed.error().why());
    const std::array<hub::Field, 2> failure{
        {{"Nats-Service-Error-Code", "500"}, {"Nats-Service-Error", why}}};
    co_await answer(hub, request, "", failure);
  }

  Task<> answer(hub::Client& hub, const hub::Message& request, ByteView text,
                std::span<const hub::Field> header) {
    const hub::PublishOptions options{.header = header};
    const hub::Sent sent = co_await hub.publish(request.reply(), text, options);
    if (sent) {
      runner_->events().message("sent", 0, text);
    } else {
      runner_->events().error("not answered", 0, sent.error());
    }
  }

  [[nodiscard]] hub::SubscribeOptions options() const {
    // While requests are being answered, the hub keeps further ones.
    return {.queue = flags_->queue, .max = left_, .overflow = OverflowPolicy::wait};
  }

  [[nodiscard]] bool enough() const noexcept { return flags_->count > 0 && left_ == 0; }

  HubRunner* runner_;
  const ReplyFlags* flags_;
  std::uint32_t left_;  // requests still to be taken, if --count was given
  std::optional<Handler> handler_;
  Semaphore places_;
};

void check(const CLI::App& verb, ReplyFlags& flags, std::vector<std::string> words) {
  if (words.empty() || words.size() > 2) {
    refuse_flags("SUBJECT [TEXT]", "a subject is required, and at most one text");
  }
  flags.subject = std::move(words[0]);
  if (const auto read = read_pattern(flags.subject); !read) {
    refuse_value(flags.subject, read.error());
  }
  if (words.size() < 2) return;
  if (given(verb, "--handler")) {
    refuse_flags("TEXT --handler", "a request has one answer: choose one");
  }
  flags.text = std::move(words[1]);
}

}  // namespace

Run add_reply(CLI::App& verb, const TrailingArgs& rest) {
  auto flags = std::make_shared<ReplyFlags>();
  accept_words(verb);
  add_hub_flags(verb, flags->hub, flags->at,
                fmt::format("Time limit for connecting (default {})",
                            write_duration(defaults::connect_time)));
  add_handler(verb, flags->handler,
              "Run CMD with sh -c for each request, on its input, and answer with its output "
              "without one final newline. A CMD that fails is answered with the header "
              "Nats-Service-Error");
  add_queue(verb, flags->queue,
            "Share the requests with other members of this group: each request "
            "goes to one of them");
  add_value(
      verb, "--count", "N", read_count_as<std::uint32_t>,
      [flags](std::uint32_t count) { flags->count = count; }, "Exit after N requests");
  add_ready_fd(verb, flags->ready_fd, "the hub has confirmed the subscription");
  add_examples(verb, reply_examples);
  on_parsed(verb, [&verb, flags, rest] {
    choose_hub(flags->hub, flags->at);
    check(verb, *flags, words_of(verb, rest));
  });
  return [flags] {
    if (flags->text == "-") {
      auto input = read_all_input(bounds::max_message);
      if (!input) return fail(input.error());
      if (input->ends_with('\n')) input->pop_back();  // as of a handler's output
      flags->text = std::move(*input);
    }
    HubRunner runner(flags->hub, "reply", HubRunner::Prints::nothing);
    runner.survive_denied_answers();
    Replying replying(runner, *flags);
    return runner.run(replying.run());
  };
}

}  // namespace hallway::tool
