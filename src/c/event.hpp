// SPDX-License-Identifier: Apache-2.0
//
// Events, as the functions of the program see them while they are called.
#pragma once

#include <string>

#include <hallway.h>
#include <hallway/hub_client.hpp>
#include <hallway/server_event.hpp>

#include "c/handle.hpp"

struct hallway_server_event : hallway::c::Handle {
  explicit hallway_server_event(const hallway::ServerEvent& event)
      : value(event), text(to_string(event)) {}

  const hallway::ServerEvent& value;
  const std::string text;
};

struct hallway_hub_event : hallway::c::Handle {
  explicit hallway_hub_event(const hallway::hub::ClientEvent& event)
      : kind(event.kind), why(event.error), text(to_string(event)) {}

  const hallway::hub::ClientEvent::Kind kind;
  const hallway::c::Ending why;
  const std::string text;
};
