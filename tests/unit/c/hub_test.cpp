// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <hallway.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <future>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <hallway/hub.hpp>
#include <hallway/loop.hpp>

#include "support/raw_socket.hpp"
#include "unit/c/using_c.hpp"

namespace hallway {
namespace {

using namespace test;

using Messages = std::vector<std::string>;
using OwnedHubClient = Owned<hallway_hub_client, hallway_hub_client_free>;
using OwnedSubscription = Owned<hallway_subscription, hallway_subscription_free>;
using OwnedLoopHubClient = Owned<hallway_loop_hub_client, hallway_loop_hub_client_free>;

/// A hub on a thread of its own.
class RunningHub {
 public:
  explicit RunningHub(const std::string& path) {
    std::promise<Loop*> started;
    auto loop = started.get_future();
    thread_ = std::thread([path, &started] {
      Loop its;
      auto hub = Hub::start(its, path);
      EXPECT_TRUE(hub) << hub.error().explain();
      started.set_value(&its);
      its.run();
    });
    loop_ = loop.get();
  }
  RunningHub(const RunningHub&) = delete;
  RunningHub& operator=(const RunningHub&) = delete;
  ~RunningHub() {
    loop_->post([loop = loop_] { loop->stop(); });
    thread_.join();
  }

 private:
  std::thread thread_;
  Loop* loop_ = nullptr;
};

class c_hub_client : public testing::Test {
 protected:
  hallway_outcome connect(OwnedHubClient& into, const hallway_hub_options* options = nullptr,
                          hallway_interrupt* interrupt = nullptr) {
    hallway_hub_client* made = nullptr;
    const hallway_outcome outcome =
        hallway_hub_client_connect(path.c_str(), options, interrupt, &made, why);
    into.reset(made);
    return outcome;
  }
  hallway_outcome subscribe(const OwnedHubClient& by, const char* subject, OwnedSubscription& into,
                            const hallway_subscribe_options* options = nullptr) {
    hallway_subscription* made = nullptr;
    const hallway_outcome outcome =
        hallway_hub_client_subscribe(by.get(), hallway_text(subject), options, soon, &made, why);
    into.reset(made);
    return outcome;
  }
  hallway_outcome publish(const OwnedHubClient& by, const char* subject, std::string_view payload) {
    return hallway_hub_client_publish(by.get(), hallway_text(subject), payload.data(),
                                      payload.size(), soon, why);
  }
  /// Receives until there are so many.
  Messages receive(const OwnedSubscription& from, std::size_t wanted, std::size_t room = 8) {
    Messages received;
    std::vector<const hallway_hub_message*> messages(room);
    while (received.size() < wanted) {
      std::size_t count = 0;
      const hallway_outcome outcome =
          hallway_subscription_receive(from.get(), messages.data(), room, &count, soon, why);
      EXPECT_OK(outcome);
      if (outcome != HALLWAY_OK) break;
      for (std::size_t i = 0; i < count; ++i) {
        received.push_back(text_of(hallway_hub_message_subject(messages[i])) + ": " +
                           text_of(hallway_hub_message_payload(messages[i])));
      }
    }
    return received;
  }

  TempDirectory directory;
  std::string path = directory / "hub";
  Why why;
};

TEST_F(c_hub_client, publishes_and_subscribes) {
  const RunningHub hub(path);
  OwnedHubClient client;
  ASSERT_OK(connect(client));
  EXPECT_TRUE(hallway_hub_client_connected(client.get()));
  EXPECT_EQ(hallway_hub_client_address(client.get()), "unix:" + path);
  EXPECT_GT(hallway_hub_client_max_payload(client.get()), 0U);
  OwnedSubscription news;
  ASSERT_OK(subscribe(client, "news.>", news));
  ASSERT_OK(publish(client, "news.today", "it rains"));
  ASSERT_OK(publish(client, "other", "not for it"));
  ASSERT_OK(publish(client, "news.sport.chess", "a draw"));
  ASSERT_OK(hallway_hub_client_flush(client.get(), soon, why));
  EXPECT_EQ(receive(news, 2), (Messages{"news.today: it rains", "news.sport.chess: a draw"}));
  const hallway_hub_counters counters = hallway_hub_client_counters(client.get());
  EXPECT_EQ(counters.messages_published, 3U);
  EXPECT_EQ(counters.messages_received, 2U);
  EXPECT_EQ(counters.dropped, 0U);
  EXPECT_EQ(counters.reconnects, 0U);
  EXPECT_EQ(hallway_subscription_dropped(news.get()), 0U);
}

TEST_F(c_hub_client, receives_all_that_has_arrived_and_no_more_than_there_is_room_for) {
  const RunningHub hub(path);
  OwnedHubClient client;
  ASSERT_OK(connect(client));
  OwnedSubscription numbers;
  ASSERT_OK(subscribe(client, "n", numbers));
  for (const char* payload : {"1", "2", "3"}) ASSERT_OK(publish(client, "n", payload));
  ASSERT_OK(hallway_hub_client_flush(client.get(), soon, why));
  EXPECT_EQ(hallway_subscription_waiting(numbers.get()), 3U);
  std::array<const hallway_hub_message*, 8> messages{};
  std::size_t count = 0;
  ASSERT_OK(hallway_subscription_receive(numbers.get(), messages.data(), 2, &count, soon, why));
  EXPECT_EQ(count, 2U);
  EXPECT_EQ(text_of(hallway_hub_message_payload(messages[1])), "2");
  ASSERT_OK(hallway_subscription_receive(numbers.get(), messages.data(), 8, &count, soon, why));
  EXPECT_EQ(count, 1U);
  EXPECT_EQ(hallway_subscription_receive(numbers.get(), messages.data(), 8, &count, briefly, why),
            HALLWAY_TIMED_OUT);
}

TEST_F(c_hub_client, sends_a_header_and_a_subject_for_answers) {
  const RunningHub hub(path);
  OwnedHubClient client;
  ASSERT_OK(connect(client));
  OwnedSubscription all;
  ASSERT_OK(subscribe(client, ">", all));
  const std::array<hallway_field, 2> header{
      hallway_field{hallway_text("Colour"), hallway_text("green")},
      hallway_field{hallway_text("Size"), hallway_text("")}};
  ASSERT_OK(hallway_hub_client_publish_with(client.get(), hallway_text("a"), hallway_text("back"),
                                            header.data(), header.size(), "x", 1, soon, why));
  std::array<const hallway_hub_message*, 1> messages{};
  std::size_t count = 0;
  ASSERT_OK(hallway_subscription_receive(all.get(), messages.data(), 1, &count, soon, why));
  EXPECT_EQ(text_of(hallway_hub_message_reply(messages[0])), "back");
  EXPECT_EQ(text_of(hallway_hub_message_status(messages[0])), "");
  std::array<hallway_field, 2> fields{};
  std::size_t have = 0;
  ASSERT_OK(hallway_hub_message_header(messages[0], fields.data(), 1, &have, why));
  EXPECT_EQ(have, 2U);
  EXPECT_EQ(text_of(fields[0].name), "Colour");
  EXPECT_EQ(text_of(fields[0].value), "green");
  EXPECT_EQ(fields[1].name.size, 0U);
  hallway_view value{};
  EXPECT_TRUE(hallway_hub_message_find(messages[0], "Size", &value));
  EXPECT_EQ(value.size, 0U);
  EXPECT_FALSE(hallway_hub_message_find(messages[0], "size", &value));
}

TEST_F(c_hub_client, requests_and_gets_the_first_answer_or_learns_that_nobody_answers) {
  const RunningHub hub(path);
  std::thread answering([&] {
    OwnedHubClient worker;
    OwnedSubscription questions;
    Why its;
    hallway_hub_client* made = nullptr;
    EXPECT_EQ(hallway_hub_client_connect(path.c_str(), nullptr, nullptr, &made, its), HALLWAY_OK);
    worker.reset(made);
    hallway_subscription* subscribed = nullptr;
    EXPECT_EQ(
        hallway_hub_client_subscribe(made, hallway_text("ask"), nullptr, soon, &subscribed, its),
        HALLWAY_OK);
    questions.reset(subscribed);
    EXPECT_EQ(hallway_hub_client_publish(made, hallway_text("ready"), "", 0, soon, its),
              HALLWAY_OK);
    const hallway_hub_message* question = nullptr;
    std::size_t count = 0;
    EXPECT_EQ(hallway_subscription_receive(subscribed, &question, 1, &count, soon, its),
              HALLWAY_OK);
    if (count == 1) {
      EXPECT_EQ(hallway_hub_client_publish(made, hallway_hub_message_reply(question), "yes", 3,
                                           soon, its),
                HALLWAY_OK);
      EXPECT_EQ(hallway_hub_client_flush(made, soon, its), HALLWAY_OK);
    }
  });
  OwnedHubClient client;
  ASSERT_OK(connect(client));
  const hallway_hub_message* answer = nullptr;
  // It may not have subscribed yet.
  hallway_outcome outcome = HALLWAY_NO_RESPONDERS;
  while (outcome == HALLWAY_NO_RESPONDERS) {
    outcome =
        hallway_hub_client_request(client.get(), hallway_text("ask"), "?", 1, soon, &answer, why);
  }
  EXPECT_OK(outcome);
  EXPECT_EQ(text_of(hallway_hub_message_payload(answer)), "yes");
  answering.join();
  EXPECT_EQ(
      hallway_hub_client_request(client.get(), hallway_text("nobody"), "?", 1, soon, &answer, why),
      HALLWAY_NO_RESPONDERS);
}

TEST_F(c_hub_client, ends_a_subscription_after_its_messages_or_on_request) {
  const RunningHub hub(path);
  OwnedHubClient client;
  ASSERT_OK(connect(client));
  const OwnedSubscribeOptions options(hallway_subscribe_options_new());
  hallway_subscribe_options_set_max(options.get(), 1);
  OwnedSubscription one;
  OwnedSubscription unsubscribed;
  ASSERT_OK(subscribe(client, "n", one, options.get()));
  ASSERT_OK(subscribe(client, "n", unsubscribed));
  ASSERT_OK(publish(client, "n", "first"));
  ASSERT_OK(publish(client, "n", "second"));
  EXPECT_EQ(receive(one, 1), Messages{"n: first"});
  std::array<const hallway_hub_message*, 1> messages{};
  std::size_t count = 0;
  EXPECT_EQ(hallway_subscription_receive(one.get(), messages.data(), 1, &count, soon, why),
            HALLWAY_END_OF_STREAM);
  EXPECT_EQ(receive(unsubscribed, 2), (Messages{"n: first", "n: second"}));
  ASSERT_OK(hallway_subscription_unsubscribe(unsubscribed.get(), why));
  EXPECT_EQ(hallway_subscription_receive(unsubscribed.get(), messages.data(), 1, &count, soon, why),
            HALLWAY_END_OF_STREAM);
}

TEST_F(c_hub_client, divides_messages_among_the_members_of_a_queue_group) {
  const RunningHub hub(path);
  OwnedHubClient client;
  ASSERT_OK(connect(client));
  const OwnedSubscribeOptions options(hallway_subscribe_options_new());
  ASSERT_OK(hallway_subscribe_options_set_queue(options.get(), "workers", why));
  OwnedSubscription first;
  OwnedSubscription second;
  ASSERT_OK(subscribe(client, "jobs", first, options.get()));
  ASSERT_OK(subscribe(client, "jobs", second, options.get()));
  for (int i = 0; i < 10; ++i) ASSERT_OK(publish(client, "jobs", "x"));
  ASSERT_OK(hallway_hub_client_flush(client.get(), soon, why));
  EXPECT_EQ(hallway_subscription_waiting(first.get()) + hallway_subscription_waiting(second.get()),
            10U);
}

TEST_F(c_hub_client, reports_what_is_wrong) {
  OwnedHubClient client;
  EXPECT_FAILS(ENOENT, connect(client));
  const RunningHub hub(path);
  ASSERT_OK(connect(client));
  OwnedSubscription subscription;
  EXPECT_FAILS(EINVAL, subscribe(client, "two  blanks", subscription));
  EXPECT_EQ(publish(client, "not a subject", "x"), HALLWAY_FAILED);
  EXPECT_OK(hallway_hub_client_close(client.get(), why));
  EXPECT_EQ(publish(client, "n", "x"), HALLWAY_CLOSED);
  EXPECT_FALSE(hallway_hub_client_connected(client.get()));
}

TEST_F(c_hub_client, is_interrupted) {
  const RunningHub hub(path);
  hallway_interrupt* made = nullptr;
  ASSERT_OK(hallway_interrupt_new(nullptr, nullptr, &made, why));
  const OwnedInterrupt interrupt(made);
  OwnedHubClient client;
  ASSERT_OK(connect(client, nullptr, made));
  OwnedSubscription subscription;
  ASSERT_OK(subscribe(client, "n", subscription));
  std::thread other([made] { hallway_interrupt_trigger(made); });
  std::array<const hallway_hub_message*, 1> messages{};
  std::size_t count = 0;
  EXPECT_FAILS(EINTR, hallway_subscription_receive(subscription.get(), messages.data(), 1, &count,
                                                   soon, why));
  other.join();
  hallway_interrupt_clear(made);
  ASSERT_OK(publish(client, "n", "goes on"));
  EXPECT_EQ(receive(subscription, 1), Messages{"n: goes on"});
}

TEST_F(c_hub_client, reconnects_and_says_so) {
  struct Events {
    std::vector<hallway_hub_event_kind> kinds;
  } events;
  const OwnedHubOptions options(hallway_hub_options_new());
  ASSERT_OK(hallway_hub_options_set_name(options.get(), "patient", why));
  hallway_hub_options_set_reconnect(options.get(), HALLWAY_MILLISECOND, 10 * HALLWAY_MILLISECOND,
                                    SIZE_MAX);
  hallway_hub_options_on_event(
      options.get(),
      [](const hallway_hub_event* event, void* user) {
        EXPECT_STRNE(hallway_hub_event_text(event), "");
        EXPECT_NE(hallway_hub_event_error(event), nullptr);
        static_cast<Events*>(user)->kinds.push_back(hallway_hub_event_kind_of(event));
      },
      &events);
  OwnedHubClient client;
  OwnedSubscription subscription;
  {
    const RunningHub hub(path);
    ASSERT_OK(connect(client, options.get()));
    ASSERT_OK(subscribe(client, "n", subscription));
  }
  const RunningHub again(path);
  std::array<const hallway_hub_message*, 1> messages{};
  std::size_t count = 0;
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (events.kinds.size() < 2 && std::chrono::steady_clock::now() < deadline) {
    (void)hallway_subscription_receive(subscription.get(), messages.data(), 1, &count, briefly,
                                       why);
  }
  EXPECT_EQ(events.kinds, (std::vector<hallway_hub_event_kind>{HALLWAY_HUB_DISCONNECTED,
                                                               HALLWAY_HUB_RECONNECTED}));
  ASSERT_OK(publish(client, "n", "back"));
  EXPECT_EQ(receive(subscription, 1), Messages{"n: back"});
}

TEST_F(c_hub_client, has_the_options_it_was_given) {
  const OwnedHubOptions options(hallway_hub_options_new());
  hallway_hub_options_set_timeout(options.get(), soon);
  hallway_hub_options_set_retry_for(options.get(), briefly);
  hallway_hub_options_set_outbound(options.get(), 1 << 20);
  hallway_hub_options_set_max_message(options.get(), 1 << 20);
  OwnedHubClient client;
  EXPECT_EQ(connect(client, options.get()), HALLWAY_FAILED) << "no hub came";
  const RunningHub hub(path);
  hallway_hub_options_set_server_uid(options.get(), ::geteuid() + 1);
  EXPECT_FAILS(EPERM, connect(client, options.get()));
  hallway_hub_options_set_server_uid(options.get(), ::geteuid());
  hallway_hub_options_set_echo(options.get(), 0);
  ASSERT_OK(connect(client, options.get()));
  OwnedSubscription own;
  ASSERT_OK(subscribe(client, "n", own));
  ASSERT_OK(publish(client, "n", "not for its own subscriptions"));
  ASSERT_OK(hallway_hub_client_flush(client.get(), soon, why));
  EXPECT_EQ(hallway_subscription_waiting(own.get()), 0U);
}

TEST_F(c_hub_client, drops_what_does_not_fit_into_the_inbox_of_a_subscription) {
  const RunningHub hub(path);
  OwnedHubClient client;
  ASSERT_OK(connect(client));
  const OwnedSubscribeOptions options(hallway_subscribe_options_new());
  hallway_subscribe_options_set_inbox(options.get(), 1);
  ASSERT_OK(
      hallway_subscribe_options_set_overflow(options.get(), HALLWAY_OVERFLOW_DROP_NEWEST, why));
  OwnedSubscription small;
  ASSERT_OK(subscribe(client, "n", small, options.get()));
  for (const char* payload : {"first", "second", "third"}) ASSERT_OK(publish(client, "n", payload));
  ASSERT_OK(hallway_hub_client_flush(client.get(), soon, why));
  EXPECT_GT(hallway_subscription_dropped(small.get()), 0U);
}

// --- on a loop ---

class c_loop_hub_client : public OnALoop {
 protected:
  struct Subscription {
    Messages messages;
    std::optional<hallway_outcome> end;
    bool takes = true;
    int readable = 0;
    hallway_loop_subscription* handle = nullptr;
  };

  hallway_outcome connect() {
    outcome.reset();
    const hallway_outcome begun = hallway_loop_hub_client_connect(
        loop(), path.c_str(), nullptr,
        [](hallway_loop_hub_client* made, hallway_outcome how, const hallway_error* error,
           void* user) {
          auto* self = static_cast<c_loop_hub_client*>(user);
          EXPECT_EQ(error == nullptr, how == HALLWAY_OK);
          self->outcome = how;
          self->client.reset(made);
        },
        this, why);
    EXPECT_OK(begun);
    EXPECT_TRUE(until([&] { return outcome.has_value(); }));
    return *outcome;
  }
  hallway_outcome subscribe(const char* subject, Subscription& into,
                            const hallway_subscribe_options* options = nullptr) {
    return hallway_loop_hub_client_subscribe(
        client.get(), hallway_text(subject), options,
        [](hallway_loop_subscription* from, void* user) {
          auto* mine = static_cast<Subscription*>(user);
          ++mine->readable;
          std::array<const hallway_hub_message*, 4> messages{};
          std::size_t count = 0;
          while (mine->takes &&
                 hallway_loop_subscription_receive(from, messages.data(), messages.size(), &count,
                                                   nullptr) == HALLWAY_OK) {
            for (std::size_t i = 0; i < count; ++i) {
              mine->messages.push_back(text_of(hallway_hub_message_payload(messages.at(i))));
            }
          }
        },
        [](hallway_loop_subscription*, hallway_outcome how, const hallway_error*, void* user) {
          auto* mine = static_cast<Subscription*>(user);
          EXPECT_FALSE(mine->end);
          mine->end = how;
        },
        &into, &into.handle, why);
  }
  hallway_outcome publish(const char* subject, std::string_view payload) {
    return hallway_loop_hub_client_publish(client.get(), hallway_text(subject), payload.data(),
                                           payload.size(), why);
  }

  static void note_writable(hallway_loop_hub_client* /*client*/, void* user) {
    ++static_cast<c_loop_hub_client*>(user)->writable_calls;
  }

  std::string path = directory / "hub";
  std::optional<hallway_outcome> outcome;
  int writable_calls = 0;
  OwnedLoopHubClient client;
};

TEST_F(c_loop_hub_client, publishes_and_subscribes) {
  const RunningHub hub(path);
  ASSERT_EQ(connect(), HALLWAY_OK);
  EXPECT_TRUE(hallway_loop_hub_client_connected(client.get()));
  EXPECT_EQ(hallway_loop_hub_client_address(client.get()), "unix:" + path);
  EXPECT_GT(hallway_loop_hub_client_max_payload(client.get()), 0U);
  Subscription news;
  ASSERT_OK(subscribe("news.>", news));
  ASSERT_OK(publish("news.today", "it rains"));
  const hallway_field field{hallway_text("Colour"), hallway_text("green")};
  ASSERT_OK(hallway_loop_hub_client_publish_with(client.get(), hallway_text("news.sport"),
                                                 hallway_text(""), &field, 1, "a draw", 6, why));
  std::optional<hallway_outcome> flushed;
  ASSERT_OK(hallway_loop_hub_client_flush(
      client.get(), soon,
      [](hallway_loop_hub_client*, hallway_outcome how, const hallway_error*, void* user) {
        *static_cast<std::optional<hallway_outcome>*>(user) = how;
      },
      &flushed, why));
  EXPECT_TRUE(until([&] { return news.messages.size() == 2 && flushed; }));
  EXPECT_EQ(news.messages, (Messages{"it rains", "a draw"}));
  EXPECT_EQ(flushed, HALLWAY_OK);
  EXPECT_EQ(hallway_loop_hub_client_unsent_bytes(client.get()), 0U);
  EXPECT_EQ(hallway_loop_hub_client_counters(client.get()).messages_published, 2U);
  EXPECT_EQ(hallway_loop_subscription_dropped(news.handle), 0U);
  ASSERT_OK(hallway_loop_subscription_unsubscribe(news.handle, why));
  EXPECT_TRUE(until([&] { return news.end.has_value(); }));
  EXPECT_EQ(news.end, HALLWAY_END_OF_STREAM);
}

TEST_F(c_loop_hub_client, pauses_a_subscription_whose_messages_are_not_taken) {
  const RunningHub hub(path);
  ASSERT_EQ(connect(), HALLWAY_OK);
  Subscription slow;
  slow.takes = false;
  ASSERT_OK(subscribe("n", slow));
  ASSERT_OK(publish("n", "1"));
  EXPECT_TRUE(until([&] { return slow.readable == 1; }));
  turn_a_few_times();
  EXPECT_EQ(slow.readable, 1);
  slow.takes = true;
  hallway_loop_subscription_resume(slow.handle);
  EXPECT_TRUE(until([&] { return slow.messages == Messages{"1"}; }));
  hallway_loop_subscription_pause(slow.handle);
  ASSERT_OK(publish("n", "2"));
  turn_a_few_times();
  EXPECT_EQ(slow.messages, Messages{"1"});
  hallway_loop_subscription_resume(slow.handle);
  EXPECT_TRUE(until([&] { return slow.messages.size() == 2; }));
  client.reset();
  EXPECT_TRUE(until([&] { return slow.end.has_value(); }));
  EXPECT_EQ(slow.end, HALLWAY_CLOSED);
}

TEST_F(c_loop_hub_client, requests) {
  const RunningHub hub(path);
  ASSERT_EQ(connect(), HALLWAY_OK);
  struct Answer {
    std::optional<hallway_outcome> outcome;
    std::string payload;
  };
  const auto ask = [&](const char* subject, Answer& answer, std::int64_t within) {
    return hallway_loop_hub_client_request(
        client.get(), hallway_text(subject), "?", 1, within,
        [](hallway_loop_hub_client*, const hallway_hub_message* message, hallway_outcome how,
           const hallway_error*, void* user) {
          auto* mine = static_cast<Answer*>(user);
          mine->outcome = how;
          if (message != nullptr) mine->payload = text_of(hallway_hub_message_payload(message));
        },
        &answer, why);
  };
  Answer nobody;
  ASSERT_OK(ask("nobody", nobody, soon));
  EXPECT_TRUE(until([&] { return nobody.outcome.has_value(); }));
  EXPECT_EQ(nobody.outcome, HALLWAY_NO_RESPONDERS);
  Subscription silent;
  ASSERT_OK(subscribe("silent", silent));
  Answer late;
  ASSERT_OK(ask("silent", late, briefly));
  EXPECT_TRUE(until([&] { return late.outcome.has_value(); }));
  EXPECT_EQ(late.outcome, HALLWAY_TIMED_OUT);
  Answer unanswered;
  ASSERT_OK(ask("silent", unanswered, soon));
  turn_a_few_times();
  client.reset();
  EXPECT_EQ(unanswered.outcome, HALLWAY_CLOSED);
  EXPECT_TRUE(until([&] { return silent.end.has_value(); }));
}

TEST_F(c_loop_hub_client, reports_why_it_cannot_connect_or_subscribe) {
  EXPECT_EQ(connect(), HALLWAY_FAILED);
  EXPECT_EQ(client, nullptr);
  const RunningHub hub(path);
  ASSERT_EQ(connect(), HALLWAY_OK);
  Subscription wrong;
  EXPECT_FAILS(EINVAL, subscribe("two  blanks", wrong));
  EXPECT_EQ(publish("two  blanks", "x"), HALLWAY_FAILED);
}

TEST_F(c_loop_hub_client, is_notified_when_there_is_room_again) {
  const RunningHub hub(path);
  ASSERT_EQ(connect(), HALLWAY_OK);
  hallway_loop_hub_client_on_writable(client.get(), note_writable);
  const std::string large(std::size_t{512} * 1024, 'x');
  hallway_outcome full = HALLWAY_OK;
  for (int i = 0; full == HALLWAY_OK && i < 100; ++i) full = publish("n", large);
  EXPECT_EQ(full, HALLWAY_WOULD_BLOCK);
  EXPECT_GT(hallway_loop_hub_client_unsent_bytes(client.get()), 0U);
  EXPECT_TRUE(until([&] { return writable_calls > 0; }));
  EXPECT_OK(publish("n", "now"));
}

}  // namespace
}  // namespace hallway
