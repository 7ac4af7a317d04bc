// SPDX-License-Identifier: Apache-2.0
#include <hallway/client.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <utility>

#include <hallway.h>
#include <hallway/deadline.hpp>
#include <hallway/framing.hpp>
#include <hallway/message.hpp>

#include "c/handle.hpp"
#include "c/interrupt.hpp"
#include "c/options.hpp"

struct hallway_client : hallway::c::Handle {
  explicit hallway_client(hallway::Client made) : client(std::move(made)) {}

  hallway::Client client;
  hallway::Message last;  // whose descriptors the program may take
  std::string address;
};

using namespace hallway;     // NOLINT(google-build-using-namespace): functions of C are global
using namespace hallway::c;  // NOLINT(google-build-using-namespace)

namespace {

hallway_outcome hand_out(Result<Client> made, hallway_client** client, hallway_error** error) {
  if (!made) return fail(error, made.error());
  auto handle = std::make_unique<hallway_client>(std::move(*made));
  handle->address = handle->client.address().unescaped();
  *client = handle.release();
  return ok;
}

/// Takes what is buffered behind the message that was just received. Returns how many.
std::size_t take_buffered(Client& client, hallway_view* messages, std::size_t room) {
  std::array<Message, 32> taken;
  std::size_t count = 0;
  std::size_t wanted = 0;
  std::size_t got = 0;
  do {
    wanted = std::min(room - count, taken.size());
    got = client.take_buffered(std::span(taken).first(wanted));
    for (std::size_t i = 0; i < got; ++i) messages[count++] = view_of(taken[i].bytes());
  } while (got == wanted && count < room);
  return count;
}

}  // namespace

hallway_outcome hallway_client_connect(const char* address, const hallway_connect_options* options,
                                       hallway_interrupt* interrupt, hallway_client** client,
                                       hallway_error** error) {
  assert(address != nullptr && client != nullptr);
  return guarded(error, [&] {
    return hand_out(Client::connect(address, value_of(options), interrupt_of(interrupt)), client,
                    error);
  });
}

hallway_outcome hallway_client_adopt(int descriptor, const hallway_connection_options* options,
                                     hallway_interrupt* interrupt, hallway_client** client,
                                     hallway_error** error) {
  assert(client != nullptr);
  return guarded(error, [&] {
    return hand_out(
        Client::adopt(Descriptor::adopt(descriptor), value_of(options), interrupt_of(interrupt)),
        client, error);
  });
}

void hallway_client_free(hallway_client* client) {
  assert((client == nullptr || alive(client)) && "the client was freed before");
  delete client;
}

hallway_outcome hallway_client_send(hallway_client* client, const void* data, size_t size,
                                    int64_t within, hallway_error** error) {
  assert(alive(client) && (data != nullptr || size == 0));
  return guarded(error, [&] {
    return finish(error, client->client.send(bytes_of(data, size), duration_of(within)));
  });
}

hallway_outcome hallway_client_send_many(hallway_client* client, const hallway_view* messages,
                                         size_t count, int64_t within, size_t* sent,
                                         hallway_error** error) {
  assert(alive(client) && (messages != nullptr || count == 0));
  std::size_t done = 0;
  const hallway_outcome outcome = guarded(error, [&] {
    const Deadline deadline(duration_of(within));
    for (; done < count; ++done) {
      const Sent one = client->client.send(bytes_of(messages[done]), deadline.left());
      if (!one) return finish(error, one);
    }
    return ok;
  });
  if (sent != nullptr) *sent = done;
  return outcome;
}

hallway_outcome hallway_client_send_descriptors(hallway_client* client, const void* data,
                                                size_t size, const int* descriptors, size_t count,
                                                int64_t within, hallway_error** error) {
  assert(alive(client) && (data != nullptr || size == 0) && (descriptors != nullptr || count == 0));
  return guarded(error, [&] {
    return finish(error, client->client.send(bytes_of(data, size), adopt(descriptors, count),
                                             duration_of(within)));
  });
}

hallway_outcome hallway_client_confirm(hallway_client* client, int64_t within,
                                       hallway_error** error) {
  assert(alive(client));
  return guarded(error, [&] { return finish(error, client->client.confirm(duration_of(within))); });
}

hallway_outcome hallway_client_receive(hallway_client* client, hallway_view* messages, size_t room,
                                       size_t* count, int64_t within, hallway_error** error) {
  assert(alive(client) && messages != nullptr && room > 0 && count != nullptr);
  return guarded(error, [&] {
    const Received received = client->client.receive(duration_of(within));
    client->last = {};
    if (!received) [[unlikely]]
      return finish(error, received);
    client->last = *received;
    messages[0] = view_of(received->bytes());
    *count = 1 + take_buffered(client->client, messages + 1, room - 1);
    return ok;
  });
}

hallway_outcome hallway_client_request(hallway_client* client, const void* data, size_t size,
                                       int64_t within, hallway_view* answer,
                                       hallway_error** error) {
  assert(alive(client) && (data != nullptr || size == 0) && answer != nullptr);
  return guarded(error, [&] {
    const Received received = client->client.request(bytes_of(data, size), duration_of(within));
    client->last = {};
    if (!received) [[unlikely]]
      return finish(error, received);
    client->last = *received;
    *answer = view_of(received->bytes());
    return ok;
  });
}

size_t hallway_client_take_descriptors(hallway_client* client, int* descriptors, size_t room) {
  assert(alive(client) && (descriptors != nullptr || room == 0));
  return take(client->last.descriptors(), descriptors, room);
}
int hallway_client_descriptors_lost(const hallway_client* client) {
  assert(alive(client));
  return client->last.descriptors_lost() ? 1 : 0;
}

void hallway_client_half_close(hallway_client* client) {
  assert(alive(client));
  client->client.half_close();
}
void hallway_client_close(hallway_client* client) {
  assert(alive(client));
  client->last = {};
  client->client.close();
}

hallway_peer hallway_client_peer(const hallway_client* client) {
  assert(alive(client));
  return to_c(client->client.peer());
}
const char* hallway_client_address(hallway_client* client) {
  assert(alive(client));
  return client->address.c_str();
}
hallway_socket_type hallway_client_type(const hallway_client* client) {
  assert(alive(client));
  return static_cast<hallway_socket_type>(client->client.type());
}
hallway_counters hallway_client_counters(const hallway_client* client) {
  assert(alive(client));
  return to_c(client->client.counters());
}
int hallway_client_descriptor(const hallway_client* client) {
  assert(alive(client));
  return client->client.descriptor();
}
hallway_outcome hallway_client_set_framing(hallway_client* client, const char* receive,
                                           const char* send, hallway_error** error) {
  assert(alive(client) && receive != nullptr && send != nullptr);
  return guarded(error, [&] {
    const auto receiving = Framing::parse(receive);
    if (!receiving) return fail(error, receiving.error());
    const auto sending = Framing::parse(send);
    if (!sending) return fail(error, sending.error());
    client->client.set_framing(*receiving, *sending);
    return ok;
  });
}
void hallway_client_set_spin(hallway_client* client, int64_t duration) {
  assert(alive(client));
  client->client.set_spin(duration < 0 ? std::optional<Duration>()
                                       : std::optional<Duration>(duration_of(duration)));
}
