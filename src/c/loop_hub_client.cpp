// SPDX-License-Identifier: Apache-2.0
//
// Clients of a hub on a loop.
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <hallway.h>
#include <hallway/hub_client.hpp>

#include "c/handle.hpp"
#include "c/hub.hpp"
#include "c/loop.hpp"
#include "c/options.hpp"

struct hallway_loop_hub_client : hallway::c::Handle {
  hallway_loop_hub_client(hallway_loop& loop, hallway::hub::Client made, bool waits, void* argument)
      : on(loop),
        client(std::move(made)),
        user(argument),
        address(client.address().unescaped()),
        waits_for_room(waits) {}

  hallway::c::OnLoop on;
  hallway::hub::Client client;
  hallway_hub_callback on_writable = nullptr;
  void* user;
  std::string address;
  bool waits_for_room;  // HALLWAY_OVERFLOW_WAIT
  bool awaits_room = false;
  hallway::c::Tasks tasks;  // last: they use the client
};

/// Owned by the task that runs run(). It is destroyed where that task ends, and then calls on_end.
struct hallway_loop_subscription : hallway::c::Handle {
  hallway_loop_subscription(hallway_loop& on, hallway::hub::Subscription made)
      : loop(&on), subscription(std::move(made)) {}
  ~hallway_loop_subscription() {
    gate.open();
    hallway::c::call(*loop, on_end, this, ending.outcome(), ending.error(), user);
  }

  hallway::Task<> run();

  hallway_loop* loop;
  hallway::hub::Subscription subscription;
  hallway_subscription_callback on_readable = nullptr;
  hallway_subscription_end_callback on_end = nullptr;
  void* user = nullptr;
  std::optional<hallway_hub_message> first;   // received by the task and not taken by the program
  std::vector<hallway_hub_message> messages;  // taken by the program
  bool awaiting = true;                       // the task receives, or has not begun
  bool taken = false;  // the program has taken a message since on_readable was called
  bool paused = false;
  hallway::c::Ending ending{HALLWAY_CLOSED};
  hallway::c::Gate gate;
};

using namespace hallway;     // NOLINT(google-build-using-namespace): functions of C are global
using namespace hallway::c;  // NOLINT(google-build-using-namespace)

Task<> hallway_loop_subscription::run() {
  try {
    while (true) {
      awaiting = true;
      hub::Received received = co_await subscription.receive();
      awaiting = false;
      if (!received) {
        ending = Ending::of(received);
        break;
      }
      first.emplace(std::move(received));
      while (first) {
        taken = false;
        if (!paused) call(*loop, on_readable, this, user);
        if (taken && !paused) break;
        gate.close(loop->loop());
        co_await gate.join();
      }
      messages.clear();
    }
  } catch (const std::bad_alloc&) {
    ending = Ending(HALLWAY_OUT_OF_MEMORY);
  }
  awaiting = true;
}

namespace {

using HubClientDone = Completion<hallway_loop_hub_client>;

Task<> connect(std::string address, hub::ClientOptions options, HubClientDone done) {
  done.start();
  hallway_loop& loop = done.loop();
  try {
    co_await loop.loop().sleep(Duration::zero());
  } catch (const std::bad_alloc&) {
    done.drop();
    co_return;
  }
  std::unique_ptr<hallway_loop_hub_client> client;
  Ending ending;
  try {
    Task<Result<hub::Client>> connecting =
        hub::Client::connect(loop.loop(), AddressSpec(address), std::as_const(options));
    Result<hub::Client> connected = co_await std::move(connecting);
    if (connected) {
      client = std::make_unique<hallway_loop_hub_client>(
          loop, std::move(*connected), options.overflow == OverflowPolicy::wait, done.user());
    } else {
      ending = Ending(connected.error());
    }
  } catch (const std::bad_alloc&) {
    ending = Ending(HALLWAY_OUT_OF_MEMORY);
  }
  done.complete(client.release(), ending);
}

Task<> run_later(std::unique_ptr<hallway_loop_subscription> subscription) {
  try {
    co_await subscription->loop->loop().sleep(Duration::zero());
  } catch (const std::bad_alloc&) {
    co_return;
  }
  co_await subscription->run();
}

/// When the hub has received everything that was published, there is room.
Task<> watch_room(hallway_loop_hub_client& client) {
  constexpr Duration pause = std::chrono::milliseconds(50);
  Outcome outcome = Outcome::failed;
  try {
    const hub::Sent flushed = co_await client.client.flush(forever);
    outcome = flushed.outcome();
  } catch (const std::bad_alloc&) {
    // As if the hub were away.
  }
  try {
    // If the hub is away, it does not help to try again at once.
    co_await client.on.loop().sleep(outcome == Outcome::ok ? Duration::zero() : pause);
  } catch (const std::bad_alloc&) {
    // The program gets to know when it publishes again.
  }
  client.awaits_room = false;
  call(client.on.handle(), client.on_writable, &client, client.user);
}

Task<> flush(hallway_loop_hub_client& client, Duration within, HubClientDone done) {
  done.start();
  Ending ending;
  try {
    const hub::Sent flushed = co_await client.client.flush(within);
    ending = Ending::of(flushed);
    if (done.loop().starting > 0) co_await done.loop().loop().sleep(Duration::zero());
  } catch (const std::bad_alloc&) {
    ending = Ending(HALLWAY_OUT_OF_MEMORY);
  }
  done.complete(ending);
}

/// A Completion for a function that also gets an answer.
class Asking {
 public:
  Asking(hallway_loop_hub_client& client, hallway_hub_answer_callback on_answer,
         void* user) noexcept
      : client_(&client), on_answer_(on_answer), user_(user) {}
  Asking(Asking&& other) noexcept
      : client_(other.client_), on_answer_(other.on_answer_), user_(other.user_) {}
  Asking(const Asking&) = delete;
  Asking& operator=(const Asking&) = delete;
  ~Asking() { complete(nullptr, Ending(HALLWAY_CLOSED)); }

  void start() noexcept { started_ = true; }
  void complete(const hallway_hub_message* answer, const Ending& ending) noexcept {
    if (std::exchange(started_, false)) {
      call(client_->on.handle(), on_answer_, client_, answer, ending.outcome(), ending.error(),
           user_);
    }
  }

 private:
  hallway_loop_hub_client* client_;
  hallway_hub_answer_callback on_answer_;
  void* user_;
  bool started_ = false;
};

Task<> request(hallway_loop_hub_client& client, std::string subject, std::string payload,
               Duration within, Asking asking) {
  asking.start();
  std::optional<hallway_hub_message> answer;
  Ending ending;
  try {
    Task<hub::Received> requesting = client.client.request(subject, payload, within);
    hub::Received received = co_await std::move(requesting);
    ending = Ending::of(received);
    if (received) answer.emplace(std::move(received));
    if (client.on.handle().starting > 0) co_await client.on.handle().loop().sleep(Duration::zero());
  } catch (const std::bad_alloc&) {
    ending = Ending(HALLWAY_OUT_OF_MEMORY);
  }
  asking.complete(answer ? &*answer : nullptr, ending);
}

hallway_outcome publish(hallway_loop_hub_client& client, hallway_view subject, const void* data,
                        std::size_t size, const hub::PublishOptions& options,
                        hallway_error** error) {
  const ByteView payload = bytes_of(data, size);
  // Where publish() would wait, try_publish() does not.
  if (client.waits_for_room) {
    const hub::Sent sent = client.client.try_publish(bytes_of(subject), payload, options);
    if (sent) [[likely]]
      return ok;
    if (sent.outcome() != Outcome::would_block) return finish(error, sent);
  } else {
    hub::Client::Publish publishing = client.client.publish(bytes_of(subject), payload, options);
    const hub::Sent sent = publishing.await_resume();
    if (sent) [[likely]]
      return ok;
    if (sent.outcome() != Outcome::would_block) return finish(error, sent);
  }
  if (client.on_writable != nullptr && !client.awaits_room) {
    client.awaits_room = true;
    try {
      client.tasks.spawn(client.on.handle(), watch_room(client));
    } catch (const std::bad_alloc&) {
      client.awaits_room = false;
      throw;
    }
  }
  return end(error, HALLWAY_WOULD_BLOCK);
}

}  // namespace

hallway_outcome hallway_loop_hub_client_connect(hallway_loop* loop, const char* address,
                                                const hallway_hub_options* options,
                                                hallway_hub_connected_callback on_connected,
                                                void* user, hallway_error** error) {
  assert(alive(loop) && address != nullptr && on_connected != nullptr);
  return guarded_on(*loop, error, [&] {
    hub::ClientOptions value = value_of(options);
    value.on_event = as_callback(*loop, std::move(value.on_event));
    start(*loop,
          connect(address, std::move(value), HubClientDone(*loop, nullptr, on_connected, user)));
    return ok;
  });
}

void hallway_loop_hub_client_free(hallway_loop_hub_client* client) {
  if (client == nullptr) return;
  assert(alive(client) && "the client was freed before");
  assert(client->on.handle().callbacks == 0 &&
         "hallway_loop_hub_client_free() in a callback of its loop");
  delete client;
}

hallway_outcome hallway_loop_hub_client_publish(hallway_loop_hub_client* client,
                                                hallway_view subject, const void* data, size_t size,
                                                hallway_error** error) {
  assert(alive(client) && (data != nullptr || size == 0));
  return guarded(error, [&] { return publish(*client, subject, data, size, {}, error); });
}

hallway_outcome hallway_loop_hub_client_publish_with(hallway_loop_hub_client* client,
                                                     hallway_view subject, hallway_view reply,
                                                     const hallway_field* header, size_t fields,
                                                     const void* data, size_t size,
                                                     hallway_error** error) {
  assert(alive(client) && (data != nullptr || size == 0) && (header != nullptr || fields == 0));
  return guarded(error, [&] {
    const std::vector<hub::Field> copied = fields_of(header, fields);
    const hub::PublishOptions options{.reply = bytes_of(reply), .header = copied};
    return publish(*client, subject, data, size, options, error);
  });
}

void hallway_loop_hub_client_on_writable(hallway_loop_hub_client* client,
                                         hallway_hub_callback on_writable) {
  assert(alive(client));
  client->on_writable = on_writable;
}

hallway_outcome hallway_loop_hub_client_flush(hallway_loop_hub_client* client, int64_t within,
                                              hallway_hub_done_callback on_done, void* user,
                                              hallway_error** error) {
  assert(alive(client) && on_done != nullptr);
  return guarded(error, [&] {
    client->tasks.spawn(client->on.handle(),
                        flush(*client, duration_of(within),
                              HubClientDone(client->on.handle(), client, on_done, user)));
    return ok;
  });
}

hallway_outcome hallway_loop_hub_client_request(hallway_loop_hub_client* client,
                                                hallway_view subject, const void* data, size_t size,
                                                int64_t within,
                                                hallway_hub_answer_callback on_answer, void* user,
                                                hallway_error** error) {
  assert(alive(client) && (data != nullptr || size == 0) && on_answer != nullptr);
  return guarded(error, [&] {
    client->tasks.spawn(
        client->on.handle(),
        request(*client, std::string(bytes_of(subject)), std::string(bytes_of(data, size)),
                duration_of(within), Asking(*client, on_answer, user)));
    return ok;
  });
}

int hallway_loop_hub_client_connected(const hallway_loop_hub_client* client) {
  assert(alive(client));
  return client->client.connected() ? 1 : 0;
}
const char* hallway_loop_hub_client_address(hallway_loop_hub_client* client) {
  assert(alive(client));
  return client->address.c_str();
}
size_t hallway_loop_hub_client_max_payload(const hallway_loop_hub_client* client) {
  assert(alive(client));
  return client->client.max_payload();
}
size_t hallway_loop_hub_client_unsent_bytes(const hallway_loop_hub_client* client) {
  assert(alive(client));
  return client->client.unsent_bytes();
}
hallway_hub_counters hallway_loop_hub_client_counters(const hallway_loop_hub_client* client) {
  assert(alive(client));
  return to_c(client->client.counters());
}

// Subscriptions ----------------------------------------------------------------------------------

hallway_outcome hallway_loop_hub_client_subscribe(
    hallway_loop_hub_client* client, hallway_view subject, const hallway_subscribe_options* options,
    hallway_subscription_callback on_readable, hallway_subscription_end_callback on_end, void* user,
    hallway_loop_subscription** subscription, hallway_error** error) {
  assert(alive(client) && on_readable != nullptr && subscription != nullptr);
  return guarded(error, [&] {
    auto subscribed = client->client.subscribe(bytes_of(subject), value_of(options));
    if (!subscribed) return fail(error, subscribed.error());
    auto made =
        std::make_unique<hallway_loop_subscription>(client->on.handle(), std::move(*subscribed));
    hallway_loop_subscription* const handle = made.get();
    start(client->on.handle(), run_later(std::move(made)));
    handle->on_readable = on_readable;
    handle->on_end = on_end;
    handle->user = user;
    *subscription = handle;
    return ok;
  });
}

hallway_outcome hallway_loop_subscription_receive(hallway_loop_subscription* subscription,
                                                  const hallway_hub_message** messages, size_t room,
                                                  size_t* count, hallway_error** error) {
  assert(alive(subscription) && messages != nullptr && room > 0 && count != nullptr);
  if (subscription->awaiting) return end(error, HALLWAY_WOULD_BLOCK);
  return guarded(error, [&] {
    auto& taken = subscription->messages;
    taken.clear();
    taken.reserve(1);
    if (subscription->first) {
      taken.push_back(std::move(*subscription->first));
      subscription->first.reset();
    }
    take_messages(subscription->subscription, taken, room);
    if (taken.empty()) return end(error, HALLWAY_WOULD_BLOCK);
    subscription->taken = true;
    list_messages(taken, messages, count);
    return ok;
  });
}

void hallway_loop_subscription_pause(hallway_loop_subscription* subscription) {
  assert(alive(subscription));
  subscription->paused = true;
}
void hallway_loop_subscription_resume(hallway_loop_subscription* subscription) {
  assert(alive(subscription));
  subscription->paused = false;
  subscription->gate.open();
}
hallway_outcome hallway_loop_subscription_unsubscribe(hallway_loop_subscription* subscription,
                                                      hallway_error** error) {
  assert(alive(subscription));
  return guarded(error, [&] {
    subscription->subscription.unsubscribe();
    return ok;
  });
}
uint64_t hallway_loop_subscription_dropped(const hallway_loop_subscription* subscription) {
  assert(alive(subscription));
  return subscription->subscription.dropped();
}
