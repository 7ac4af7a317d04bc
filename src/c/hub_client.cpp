// SPDX-License-Identifier: Apache-2.0
//
// Clients of a hub that need no loop.
#include <hallway/hub_blocking_client.hpp>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <hallway.h>

#include "c/handle.hpp"
#include "c/hub.hpp"
#include "c/interrupt.hpp"
#include "c/options.hpp"

struct hallway_hub_client : hallway::c::Handle {
  explicit hallway_hub_client(hallway::hub::BlockingClient made)
      : client(std::move(made)), address(client.address().unescaped()) {}

  hallway::hub::BlockingClient client;
  std::string address;
  std::optional<hallway_hub_message> answer;  // to the last request
};

struct hallway_subscription : hallway::c::Handle {
  explicit hallway_subscription(hallway::hub::BlockingSubscription made)
      : subscription(std::move(made)) {}

  hallway::hub::BlockingSubscription subscription;
  std::vector<hallway_hub_message> taken;  // by the last receive
};

using namespace hallway;     // NOLINT(google-build-using-namespace): functions of C are global
using namespace hallway::c;  // NOLINT(google-build-using-namespace)

hallway_outcome hallway_hub_client_connect(const char* address, const hallway_hub_options* options,
                                           hallway_interrupt* interrupt,
                                           hallway_hub_client** client, hallway_error** error) {
  assert(address != nullptr && client != nullptr);
  return guarded(error, [&] {
    auto made = hub::BlockingClient::connect(address, value_of(options), interrupt_of(interrupt));
    if (!made) return fail(error, made.error());
    *client = std::make_unique<hallway_hub_client>(std::move(*made)).release();
    return ok;
  });
}

void hallway_hub_client_free(hallway_hub_client* client) {
  assert((client == nullptr || alive(client)) && "the client was freed before");
  delete client;
}

hallway_outcome hallway_hub_client_publish(hallway_hub_client* client, hallway_view subject,
                                           const void* data, size_t size, int64_t within,
                                           hallway_error** error) {
  assert(alive(client) && (data != nullptr || size == 0));
  return guarded(error, [&] {
    return finish(error, client->client.publish(bytes_of(subject), bytes_of(data, size), {},
                                                duration_of(within)));
  });
}

hallway_outcome hallway_hub_client_publish_with(hallway_hub_client* client, hallway_view subject,
                                                hallway_view reply, const hallway_field* header,
                                                size_t fields, const void* data, size_t size,
                                                int64_t within, hallway_error** error) {
  assert(alive(client) && (data != nullptr || size == 0) && (header != nullptr || fields == 0));
  return guarded(error, [&] {
    const std::vector<hub::Field> copied = fields_of(header, fields);
    const hub::PublishOptions options{.reply = bytes_of(reply), .header = copied};
    return finish(error, client->client.publish(bytes_of(subject), bytes_of(data, size), options,
                                                duration_of(within)));
  });
}

hallway_outcome hallway_hub_client_flush(hallway_hub_client* client, int64_t within,
                                         hallway_error** error) {
  assert(alive(client));
  return guarded(error, [&] { return finish(error, client->client.flush(duration_of(within))); });
}

hallway_outcome hallway_hub_client_request(hallway_hub_client* client, hallway_view subject,
                                           const void* data, size_t size, int64_t within,
                                           const hallway_hub_message** answer,
                                           hallway_error** error) {
  assert(alive(client) && (data != nullptr || size == 0) && answer != nullptr);
  return guarded(error, [&] {
    hub::Received received =
        client->client.request(bytes_of(subject), bytes_of(data, size), duration_of(within));
    if (!received) return finish(error, received);
    *answer = &client->answer.emplace(std::move(received));
    return ok;
  });
}

hallway_outcome hallway_hub_client_subscribe(hallway_hub_client* client, hallway_view subject,
                                             const hallway_subscribe_options* options,
                                             int64_t within, hallway_subscription** subscription,
                                             hallway_error** error) {
  assert(alive(client) && subscription != nullptr);
  return guarded(error, [&] {
    auto made = client->client.subscribe(bytes_of(subject), value_of(options), duration_of(within));
    if (!made) return fail(error, made.error());
    *subscription = std::make_unique<hallway_subscription>(std::move(*made)).release();
    return ok;
  });
}

hallway_outcome hallway_hub_client_close(hallway_hub_client* client, hallway_error** error) {
  assert(alive(client));
  return guarded(error, [&] {
    client->client.close();
    return ok;
  });
}

int hallway_hub_client_connected(const hallway_hub_client* client) {
  assert(alive(client));
  return client->client.connected() ? 1 : 0;
}
const char* hallway_hub_client_address(hallway_hub_client* client) {
  assert(alive(client));
  return client->address.c_str();
}
size_t hallway_hub_client_max_payload(const hallway_hub_client* client) {
  assert(alive(client));
  return client->client.max_payload();
}
hallway_hub_counters hallway_hub_client_counters(const hallway_hub_client* client) {
  assert(alive(client));
  return to_c(client->client.counters());
}

// Subscriptions ----------------------------------------------------------------------------------

hallway_outcome hallway_subscription_receive(hallway_subscription* subscription,
                                             const hallway_hub_message** messages, size_t room,
                                             size_t* count, int64_t within, hallway_error** error) {
  assert(alive(subscription) && messages != nullptr && room > 0 && count != nullptr);
  return guarded(error, [&] {
    subscription->taken.clear();
    subscription->taken.reserve(1);
    hub::Received first = subscription->subscription.receive(duration_of(within));
    if (!first) return finish(error, first);
    subscription->taken.emplace_back(std::move(first));
    take_messages(subscription->subscription, subscription->taken, room);
    list_messages(subscription->taken, messages, count);
    return ok;
  });
}

hallway_outcome hallway_subscription_unsubscribe(hallway_subscription* subscription,
                                                 hallway_error** error) {
  assert(alive(subscription));
  return guarded(error, [&] {
    subscription->subscription.unsubscribe();
    return ok;
  });
}
uint64_t hallway_subscription_dropped(const hallway_subscription* subscription) {
  assert(alive(subscription));
  return subscription->subscription.dropped();
}
size_t hallway_subscription_waiting(const hallway_subscription* subscription) {
  assert(alive(subscription));
  return subscription->subscription.waiting();
}
void hallway_subscription_free(hallway_subscription* subscription) {
  assert((subscription == nullptr || alive(subscription)) && "the subscription was freed before");
  delete subscription;
}
