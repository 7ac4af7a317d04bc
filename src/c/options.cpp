// SPDX-License-Identifier: Apache-2.0
#include "c/options.hpp"

#include <algorithm>
#include <new>

#include <hallway.h>
#include <hallway/framing.hpp>
#include <hallway/hub_rules.hpp>
#include <hallway/overflow_policy.hpp>

#include "c/event.hpp"
#include "c/handle.hpp"

namespace hallway::c {

static_assert(HALLWAY_OVERFLOW_WAIT == static_cast<int>(OverflowPolicy::wait));
static_assert(HALLWAY_OVERFLOW_DROP_OLDEST == static_cast<int>(OverflowPolicy::drop_oldest));
static_assert(HALLWAY_OVERFLOW_DROP_NEWEST == static_cast<int>(OverflowPolicy::drop_newest));
static_assert(HALLWAY_OVERFLOW_LATEST_ONLY == static_cast<int>(OverflowPolicy::latest_only));
static_assert(HALLWAY_OVERFLOW_DISCONNECT == static_cast<int>(OverflowPolicy::disconnect));
static_assert(HALLWAY_OVERFLOW_FAIL == static_cast<int>(OverflowPolicy::fail));
static_assert(HALLWAY_PATH_LOST_IGNORE == static_cast<int>(PathLost::ignore));
static_assert(HALLWAY_PATH_LOST_REPORT == static_cast<int>(PathLost::report));
static_assert(HALLWAY_PATH_LOST_REBIND == static_cast<int>(PathLost::rebind));
static_assert(HALLWAY_PATH_LOST_DRAIN == static_cast<int>(PathLost::drain));
static_assert(HALLWAY_STREAM == static_cast<int>(SocketType::stream));
static_assert(HALLWAY_SEQPACKET == static_cast<int>(SocketType::seqpacket));
static_assert(HALLWAY_DATAGRAM == static_cast<int>(SocketType::datagram));

std::optional<SocketType> connected_type(hallway_socket_type type) noexcept {
  if (type == HALLWAY_STREAM) return SocketType::stream;
  if (type == HALLWAY_SEQPACKET) return SocketType::seqpacket;
  return {};
}

namespace {

template <typename Options>
Options* make() noexcept {
  try {
    return new Options;
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}

hallway_outcome set_type(SocketType& to, hallway_socket_type type, hallway_error** error) noexcept {
  return guarded(error, [&] {
    const auto known = connected_type(type);
    if (!known) {
      return refuse(error, "set the socket type to", std::to_string(type),
                    "neither HALLWAY_STREAM nor HALLWAY_SEQPACKET");
    }
    to = *known;
    return ok;
  });
}

template <typename Policies, typename Setting>
hallway_outcome set_overflow(const Policies& supported, Setting& to, hallway_overflow overflow,
                             hallway_error** error) noexcept {
  return guarded(error, [&] {
    const auto* const found = std::ranges::find_if(supported, [&](OverflowPolicy policy) {
      return static_cast<hallway_overflow>(policy) == overflow;
    });
    if (found == supported.end()) {
      return refuse(error, "set the overflow policy to", std::to_string(overflow),
                    "not one that is supported here");
    }
    to = *found;
    return ok;
  });
}

hallway_outcome set_path_lost(PathLost& to, hallway_path_lost policy,
                              hallway_error** error) noexcept {
  return guarded(error, [&] {
    if (policy < HALLWAY_PATH_LOST_IGNORE || policy > HALLWAY_PATH_LOST_DRAIN) {
      return refuse(error, "set the policy for a lost path to", std::to_string(policy),
                    "there is no such policy");
    }
    to = static_cast<PathLost>(policy);
    return ok;
  });
}

hallway_outcome set_text(std::string& to, const char* text, hallway_error** error) noexcept {
  return guarded(error, [&] {
    to = text;
    return ok;
  });
}

}  // namespace

}  // namespace hallway::c

using namespace hallway;     // NOLINT(google-build-using-namespace): functions of C are global
using namespace hallway::c;  // NOLINT(google-build-using-namespace)

// Connections ------------------------------------------------------------------------------------

hallway_connection_options* hallway_connection_options_new(void) {
  return make<hallway_connection_options>();
}
void hallway_connection_options_free(hallway_connection_options* options) {
  assert((options == nullptr || alive(options)) && "these options were freed before");
  delete options;
}

hallway_outcome hallway_connection_options_set_framing(hallway_connection_options* options,
                                                       const char* framing, hallway_error** error) {
  assert(alive(options) && framing != nullptr);
  return guarded(error, [&] {
    const auto parsed = Framing::parse(framing);
    if (!parsed) return fail(error, parsed.error());
    options->value.framing = *parsed;
    return ok;
  });
}
void hallway_connection_options_set_descriptors(hallway_connection_options* options, size_t count) {
  assert(alive(options));
  options->value.descriptors = count;
}
void hallway_connection_options_set_max_message(hallway_connection_options* options, size_t bytes) {
  assert(alive(options));
  options->value.limits.max_message = bytes;
}
void hallway_connection_options_set_message_time(hallway_connection_options* options,
                                                 int64_t duration) {
  assert(alive(options));
  options->value.limits.message_time = duration_of(duration);
}
void hallway_connection_options_set_handshake_time(hallway_connection_options* options,
                                                   int64_t duration) {
  assert(alive(options));
  options->value.limits.handshake_time = duration_of(duration);
}
void hallway_connection_options_set_idle_time(hallway_connection_options* options,
                                              int64_t duration) {
  assert(alive(options));
  options->value.limits.idle_time = duration_of(duration);
}
void hallway_connection_options_set_outbound_soft(hallway_connection_options* options,
                                                  size_t bytes) {
  assert(alive(options));
  options->value.limits.outbound_soft = bytes;
}
void hallway_connection_options_set_outbound_soft_time(hallway_connection_options* options,
                                                       int64_t duration) {
  assert(alive(options));
  options->value.limits.outbound_soft_time = duration_of(duration);
}
void hallway_connection_options_set_outbound_hard(hallway_connection_options* options,
                                                  size_t bytes) {
  assert(alive(options));
  options->value.limits.outbound_hard = bytes;
}
void hallway_connection_options_set_send_buffer(hallway_connection_options* options, size_t bytes) {
  assert(alive(options));
  options->value.limits.send_buffer = bytes;
}
hallway_outcome hallway_connection_options_set_overflow(hallway_connection_options* options,
                                                        hallway_overflow overflow,
                                                        hallway_error** error) {
  assert(alive(options));
  return set_overflow(broadcast_policies, options->value.overflow, overflow, error);
}

hallway_connect_options* hallway_connect_options_new(void) {
  return make<hallway_connect_options>();
}
void hallway_connect_options_free(hallway_connect_options* options) {
  assert((options == nullptr || alive(options)) && "these options were freed before");
  delete options;
}

void hallway_connect_options_set_connection(hallway_connect_options* options,
                                            const hallway_connection_options* connection) {
  assert(alive(options));
  options->value.connection = value_of(connection);
}
void hallway_connect_options_set_timeout(hallway_connect_options* options, int64_t duration) {
  assert(alive(options));
  options->value.timeout = duration_of(duration);
}
void hallway_connect_options_set_retry_for(hallway_connect_options* options, int64_t duration) {
  assert(alive(options));
  options->value.retry_for = duration_of(duration);
}
hallway_outcome hallway_connect_options_set_type(hallway_connect_options* options,
                                                 hallway_socket_type type, hallway_error** error) {
  assert(alive(options));
  return set_type(options->value.type, type, error);
}
void hallway_connect_options_set_server_uid(hallway_connect_options* options, uint32_t uid) {
  assert(alive(options));
  options->value.server_uid = uid;
}

// Servers ----------------------------------------------------------------------------------------

hallway_server_options* hallway_server_options_new(void) { return make<hallway_server_options>(); }
void hallway_server_options_free(hallway_server_options* options) {
  assert((options == nullptr || alive(options)) && "these options were freed before");
  delete options;
}

void hallway_server_options_set_connection(hallway_server_options* options,
                                           const hallway_connection_options* connection) {
  assert(alive(options));
  options->value.connection = value_of(connection);
}
hallway_outcome hallway_server_options_set_type(hallway_server_options* options,
                                                hallway_socket_type type, hallway_error** error) {
  assert(alive(options));
  return set_type(options->value.type, type, error);
}
void hallway_server_options_set_mode(hallway_server_options* options, unsigned mode) {
  assert(alive(options));
  options->value.file.mode = mode;
}
hallway_outcome hallway_server_options_set_owner(hallway_server_options* options, const char* user,
                                                 hallway_error** error) {
  assert(alive(options) && user != nullptr);
  return set_text(options->value.file.owner, user, error);
}
hallway_outcome hallway_server_options_set_group(hallway_server_options* options, const char* group,
                                                 hallway_error** error) {
  assert(alive(options) && group != nullptr);
  return set_text(options->value.file.group, group, error);
}
hallway_outcome hallway_server_options_add_allow(hallway_server_options* options, const char* rule,
                                                 hallway_error** error) {
  assert(alive(options) && rule != nullptr);
  return guarded(error, [&] {
    auto parsed = AllowRule::parse(rule);
    if (!parsed) return fail(error, parsed.error());
    options->value.allow.push_back(std::move(*parsed));
    return ok;
  });
}
void hallway_server_options_set_max_connections(hallway_server_options* options, size_t count) {
  assert(alive(options));
  options->value.server_limits.max_connections = count;
}
void hallway_server_options_set_max_connections_per_uid(hallway_server_options* options,
                                                        size_t count) {
  assert(alive(options));
  options->value.server_limits.max_connections_per_uid = count;
}
void hallway_server_options_set_max_memory(hallway_server_options* options, size_t bytes,
                                           size_t bytes_per_uid) {
  assert(alive(options));
  options->value.server_limits.max_memory = bytes;
  options->value.server_limits.max_memory_per_uid = bytes_per_uid;
}
hallway_outcome hallway_server_options_set_refusal_text(hallway_server_options* options,
                                                        const void* data, size_t size,
                                                        hallway_error** error) {
  assert(alive(options) && (data != nullptr || size == 0));
  return guarded(error, [&] {
    options->value.refusal_text = [text = std::string(bytes_of(data, size))](std::uint64_t) {
      return text;
    };
    return ok;
  });
}
hallway_outcome hallway_server_options_set_path_lost(hallway_server_options* options,
                                                     hallway_path_lost policy,
                                                     hallway_error** error) {
  assert(alive(options));
  return set_path_lost(options->value.on_path_lost, policy, error);
}
void hallway_server_options_set_takeover(hallway_server_options* options, int takeover) {
  assert(alive(options));
  options->value.takeover = takeover != 0;
}
void hallway_server_options_set_backlog(hallway_server_options* options, int backlog) {
  assert(alive(options));
  options->value.backlog = backlog;
}
void hallway_server_options_on_event(hallway_server_options* options,
                                     hallway_server_event_callback on_event, void* user) {
  assert(alive(options));
  options->value.on_event = {};
  if (on_event == nullptr) return;
  // Two pointers: std::function holds them without an allocation.
  options->value.on_event = [on_event, user](const ServerEvent& event) {
    const hallway_server_event handle(event);
    on_event(&handle, user);
  };
}

// Datagram sockets -------------------------------------------------------------------------------

hallway_datagram_options* hallway_datagram_options_new(void) {
  return make<hallway_datagram_options>();
}
void hallway_datagram_options_free(hallway_datagram_options* options) {
  assert((options == nullptr || alive(options)) && "these options were freed before");
  delete options;
}

void hallway_datagram_options_set_mode(hallway_datagram_options* options, unsigned mode) {
  assert(alive(options));
  options->value.file.mode = mode;
}
hallway_outcome hallway_datagram_options_set_owner(hallway_datagram_options* options,
                                                   const char* user, hallway_error** error) {
  assert(alive(options) && user != nullptr);
  return set_text(options->value.file.owner, user, error);
}
hallway_outcome hallway_datagram_options_set_group(hallway_datagram_options* options,
                                                   const char* group, hallway_error** error) {
  assert(alive(options) && group != nullptr);
  return set_text(options->value.file.group, group, error);
}
void hallway_datagram_options_set_descriptors(hallway_datagram_options* options, size_t count) {
  assert(alive(options));
  options->value.descriptors = count;
}
void hallway_datagram_options_set_max_message(hallway_datagram_options* options, size_t bytes) {
  assert(alive(options));
  options->value.max_message = bytes;
}
void hallway_datagram_options_set_server_uid(hallway_datagram_options* options, uint32_t uid) {
  assert(alive(options));
  options->value.server_uid = uid;
}
hallway_outcome hallway_datagram_options_set_path_lost(hallway_datagram_options* options,
                                                       hallway_path_lost policy,
                                                       hallway_error** error) {
  assert(alive(options));
  return set_path_lost(options->value.on_path_lost, policy, error);
}
void hallway_datagram_options_on_path(hallway_datagram_options* options,
                                      hallway_path_callback on_path, void* user) {
  assert(alive(options));
  options->value.on_path_event = {};
  if (on_path == nullptr) return;
  options->value.on_path_event = [on_path, user](const PathEvent& event) {
    on_path(event.kind == PathEvent::Kind::lost ? 1 : 0, event.path.unescaped().c_str(),
            event.reason.c_str(), user);
  };
}

// Children ---------------------------------------------------------------------------------------

hallway_child_options* hallway_child_options_new(void) { return make<hallway_child_options>(); }
void hallway_child_options_free(hallway_child_options* options) {
  assert((options == nullptr || alive(options)) && "these options were freed before");
  delete options;
}

void hallway_child_options_set_connection(hallway_child_options* options,
                                          const hallway_connection_options* connection) {
  assert(alive(options));
  options->value.connection = value_of(connection);
}
hallway_outcome hallway_child_options_set_type(hallway_child_options* options,
                                               hallway_socket_type type, hallway_error** error) {
  assert(alive(options));
  return set_type(options->value.type, type, error);
}
void hallway_child_options_set_standard(hallway_child_options* options, int input, int output,
                                        int error_output) {
  assert(alive(options));
  options->standard = {input, output, error_output};
}
hallway_outcome hallway_child_options_add_environment(hallway_child_options* options,
                                                      const char* entry, hallway_error** error) {
  assert(alive(options) && entry != nullptr);
  return guarded(error, [&] {
    const std::string text = entry;
    const std::size_t name = text.find('=');
    if (name == std::string::npos || name == 0)
      return refuse(error, "add to the environment", text, "not of the form NAME=VALUE");
    options->value.process.environment.push_back(text);
    return ok;
  });
}
void hallway_child_options_set_own_group(hallway_child_options* options, int own) {
  assert(alive(options));
  options->value.process.own_group = own != 0;
}

// Hubs -------------------------------------------------------------------------------------------

hallway_hub_options* hallway_hub_options_new(void) { return make<hallway_hub_options>(); }
void hallway_hub_options_free(hallway_hub_options* options) {
  assert((options == nullptr || alive(options)) && "these options were freed before");
  delete options;
}

hallway_outcome hallway_hub_options_set_name(hallway_hub_options* options, const char* name,
                                             hallway_error** error) {
  assert(alive(options) && name != nullptr);
  return set_text(options->value.name, name, error);
}
void hallway_hub_options_set_server_uid(hallway_hub_options* options, uint32_t uid) {
  assert(alive(options));
  options->value.server_uid = uid;
}
void hallway_hub_options_set_timeout(hallway_hub_options* options, int64_t duration) {
  assert(alive(options));
  options->value.timeout = duration_of(duration);
}
void hallway_hub_options_set_retry_for(hallway_hub_options* options, int64_t duration) {
  assert(alive(options));
  options->value.retry_for = duration_of(duration);
}
void hallway_hub_options_set_reconnect(hallway_hub_options* options, int64_t first_wait,
                                       int64_t max_wait, size_t max_attempts) {
  assert(alive(options));
  options->value.reconnect.first_wait = duration_of(first_wait);
  options->value.reconnect.max_wait = duration_of(max_wait);
  options->value.reconnect.max_attempts = max_attempts;
}
void hallway_hub_options_set_outbound(hallway_hub_options* options, size_t bytes) {
  assert(alive(options));
  options->value.limits.outbound = bytes;
}
void hallway_hub_options_set_max_message(hallway_hub_options* options, size_t bytes) {
  assert(alive(options));
  options->value.limits.max_message = bytes;
}
hallway_outcome hallway_hub_options_set_overflow(hallway_hub_options* options,
                                                 hallway_overflow overflow, hallway_error** error) {
  assert(alive(options));
  return set_overflow(hub::publish_policies, options->value.overflow, overflow, error);
}
hallway_outcome hallway_hub_options_set_delivery_overflow(hallway_hub_options* options,
                                                          hallway_overflow overflow,
                                                          hallway_error** error) {
  assert(alive(options));
  return set_overflow(delivery_policies, options->value.delivery_overflow, overflow, error);
}
void hallway_hub_options_set_echo(hallway_hub_options* options, int echo) {
  assert(alive(options));
  options->value.echo = echo != 0;
}
void hallway_hub_options_on_event(hallway_hub_options* options, hallway_hub_event_callback on_event,
                                  void* user) {
  assert(alive(options));
  options->value.on_event = {};
  if (on_event == nullptr) return;
  options->value.on_event = [on_event, user](const hub::ClientEvent& event) {
    const hallway_hub_event handle(event);
    on_event(&handle, user);
  };
}

hallway_subscribe_options* hallway_subscribe_options_new(void) {
  return make<hallway_subscribe_options>();
}
void hallway_subscribe_options_free(hallway_subscribe_options* options) {
  assert((options == nullptr || alive(options)) && "these options were freed before");
  delete options;
}

hallway_outcome hallway_subscribe_options_set_queue(hallway_subscribe_options* options,
                                                    const char* queue, hallway_error** error) {
  assert(alive(options) && queue != nullptr);
  return guarded(error, [&] {
    options->queue = queue;
    options->value.queue = options->queue;
    return ok;
  });
}
void hallway_subscribe_options_set_max(hallway_subscribe_options* options, uint32_t messages) {
  assert(alive(options));
  options->value.max = messages;
}
void hallway_subscribe_options_set_inbox(hallway_subscribe_options* options, size_t bytes) {
  assert(alive(options));
  options->value.inbox = bytes;
}
hallway_outcome hallway_subscribe_options_set_overflow(hallway_subscribe_options* options,
                                                       hallway_overflow overflow,
                                                       hallway_error** error) {
  assert(alive(options));
  return set_overflow(hub::inbox_policies, options->value.overflow, overflow, error);
}
