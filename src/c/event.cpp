// SPDX-License-Identifier: Apache-2.0
#include "c/event.hpp"

#include <hallway.h>

#include "c/handle.hpp"

using namespace hallway;     // NOLINT(google-build-using-namespace): functions of C are global
using namespace hallway::c;  // NOLINT(google-build-using-namespace)

static_assert(HALLWAY_EVENT_CONNECTED == static_cast<int>(ServerEvent::Kind::connected));
static_assert(HALLWAY_EVENT_TURNED_AWAY == static_cast<int>(ServerEvent::Kind::turned_away));
static_assert(HALLWAY_EVENT_CLOSED == static_cast<int>(ServerEvent::Kind::closed));
static_assert(HALLWAY_EVENT_ACCEPTING_PAUSED ==
              static_cast<int>(ServerEvent::Kind::accepting_paused));
static_assert(HALLWAY_EVENT_ACCEPTING_RESUMED ==
              static_cast<int>(ServerEvent::Kind::accepting_resumed));
static_assert(HALLWAY_EVENT_HANDLER_THREW == static_cast<int>(ServerEvent::Kind::handler_threw));
static_assert(HALLWAY_EVENT_PATH_LOST == static_cast<int>(ServerEvent::Kind::path_lost));
static_assert(HALLWAY_EVENT_PATH_REGAINED == static_cast<int>(ServerEvent::Kind::path_regained));
static_assert(HALLWAY_EVENT_TAKEN_OVER == static_cast<int>(ServerEvent::Kind::taken_over));

static_assert(HALLWAY_HUB_DISCONNECTED == static_cast<int>(hub::ClientEvent::Kind::disconnected));
static_assert(HALLWAY_HUB_RECONNECTED == static_cast<int>(hub::ClientEvent::Kind::reconnected));
static_assert(HALLWAY_HUB_COMPLAINT == static_cast<int>(hub::ClientEvent::Kind::complaint));
static_assert(HALLWAY_HUB_MESSAGES_LOST == static_cast<int>(hub::ClientEvent::Kind::messages_lost));
static_assert(HALLWAY_HUB_GIVEN_UP == static_cast<int>(hub::ClientEvent::Kind::given_up));

hallway_server_event_kind hallway_server_event_kind_of(const hallway_server_event* event) {
  assert(alive(event));
  return static_cast<hallway_server_event_kind>(event->value.kind);
}
uint64_t hallway_server_event_connection(const hallway_server_event* event) {
  assert(alive(event));
  return event->value.connection;
}
hallway_peer hallway_server_event_peer(const hallway_server_event* event) {
  assert(alive(event));
  return to_c(event->value.peer);
}
const char* hallway_server_event_reason(const hallway_server_event* event) {
  assert(alive(event));
  return event->value.reason.c_str();
}
hallway_counters hallway_server_event_counters(const hallway_server_event* event) {
  assert(alive(event));
  return to_c(event->value.counters);
}
const char* hallway_server_event_text(const hallway_server_event* event) {
  assert(alive(event));
  return event->text.c_str();
}

hallway_hub_event_kind hallway_hub_event_kind_of(const hallway_hub_event* event) {
  assert(alive(event));
  return static_cast<hallway_hub_event_kind>(event->kind);
}
const hallway_error* hallway_hub_event_error(const hallway_hub_event* event) {
  assert(alive(event));
  return event->why.error();
}
const char* hallway_hub_event_text(const hallway_hub_event* event) {
  assert(alive(event));
  return event->text.c_str();
}
