// SPDX-License-Identifier: Apache-2.0
//
// What the clients of a hub share, with and without a loop.
#pragma once

#include <cstddef>
#include <new>
#include <span>
#include <utility>
#include <vector>

#include <hallway.h>
#include <hallway/hub_client.hpp>

#include "c/handle.hpp"

/// A message that was received. Not a Handle, because several of them are one result.
struct hallway_hub_message {
  explicit hallway_hub_message(hallway::hub::Received message) : received(std::move(message)) {}

  hallway::hub::Received received;
};

namespace hallway::c {

hallway_hub_counters to_c(const hub::ClientCounters& counters) noexcept;

/// The fields of a header, for the call.
std::vector<hub::Field> fields_of(const hallway_field* header, std::size_t count);

/// Takes what try_receive() gives, behind what is in `taken`. It stops early if memory runs out, so
/// that no message is lost.
template <typename S>
void take_messages(S& subscription, std::vector<hallway_hub_message>& taken, std::size_t room) {
  try {
    while (taken.size() < room) {
      if (taken.size() == taken.capacity()) taken.reserve(2 * taken.size());
      hub::Received received = subscription.try_receive();
      if (!received) return;
      taken.emplace_back(std::move(received));
    }
  } catch (const std::bad_alloc&) {
    return;
  }
}

/// Gives the messages to the program.
inline void list_messages(const std::vector<hallway_hub_message>& taken,
                          const hallway_hub_message** messages, std::size_t* count) noexcept {
  for (std::size_t i = 0; i < taken.size(); ++i) messages[i] = &taken[i];
  *count = taken.size();
}

}  // namespace hallway::c
