// SPDX-License-Identifier: Apache-2.0
#include "c/hub.hpp"

#include <algorithm>
#include <optional>
#include <string_view>

#include <hallway.h>

#include "c/handle.hpp"

namespace hallway::c {

hallway_hub_counters to_c(const hub::ClientCounters& counters) noexcept {
  return {counters.messages_published, counters.messages_received, counters.dropped,
          counters.reconnects};
}

std::vector<hub::Field> fields_of(const hallway_field* header, std::size_t count) {
  std::vector<hub::Field> fields;
  fields.reserve(count);
  for (const hallway_field& field : std::span(header, count))
    fields.push_back({bytes_of(field.name), bytes_of(field.value)});
  return fields;
}

}  // namespace hallway::c

using namespace hallway;     // NOLINT(google-build-using-namespace): functions of C are global
using namespace hallway::c;  // NOLINT(google-build-using-namespace)

hallway_view hallway_hub_message_subject(const hallway_hub_message* message) {
  assert(message != nullptr);
  return view_of(message->received->subject());
}
hallway_view hallway_hub_message_reply(const hallway_hub_message* message) {
  assert(message != nullptr);
  return view_of(message->received->reply());
}
hallway_view hallway_hub_message_payload(const hallway_hub_message* message) {
  assert(message != nullptr);
  return view_of(message->received->payload());
}
hallway_outcome hallway_hub_message_header(const hallway_hub_message* message,
                                           hallway_field* fields, size_t room, size_t* count,
                                           hallway_error** error) {
  assert(message != nullptr && (fields != nullptr || room == 0) && count != nullptr);
  return guarded(error, [&] {
    const auto header = message->received->header();
    for (std::size_t i = 0; i < std::min(room, header.size()); ++i)
      fields[i] = {view_of(header[i].name), view_of(header[i].value)};
    *count = header.size();
    return ok;
  });
}
int hallway_hub_message_find(const hallway_hub_message* message, const char* name,
                             hallway_view* value) {
  assert(message != nullptr && name != nullptr);
  const auto found = message->received->find(name);
  if (found && value != nullptr) *value = view_of(*found);
  return found ? 1 : 0;
}
hallway_view hallway_hub_message_status(const hallway_hub_message* message) {
  assert(message != nullptr);
  return view_of(message->received->status());
}
