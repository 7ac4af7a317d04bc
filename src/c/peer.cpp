// SPDX-License-Identifier: Apache-2.0
#include <hallway/peer.hpp>

#include <algorithm>
#include <span>

#include <hallway.h>

#include "c/handle.hpp"

using namespace hallway;     // NOLINT(google-build-using-namespace): functions of C are global
using namespace hallway::c;  // NOLINT(google-build-using-namespace)

static_assert(HALLWAY_PID_RUNNING == static_cast<int>(PidStatus::running));
static_assert(HALLWAY_PID_ENDED == static_cast<int>(PidStatus::ended));
static_assert(HALLWAY_PID_UNVERIFIED == static_cast<int>(PidStatus::unverified));

hallway_outcome hallway_peer_of(int descriptor, hallway_peer* peer, hallway_error** error) {
  assert(peer != nullptr);
  return guarded(error, [&] {
    const auto found = Peer::of(descriptor);
    if (!found) return fail(error, found.error());
    *peer = to_c(*found);
    return ok;
  });
}

hallway_outcome hallway_peer_groups(int descriptor, uint32_t* groups, size_t room, size_t* count,
                                    hallway_error** error) {
  assert(count != nullptr && (groups != nullptr || room == 0));
  return guarded(error, [&] {
    const auto found = Peer::groups_of(descriptor);
    if (!found) return fail(error, found.error());
    std::ranges::copy_n(found->begin(), static_cast<std::ptrdiff_t>(std::min(room, found->size())),
                        groups);
    *count = found->size();
    return ok;
  });
}

hallway_outcome hallway_peer_pidfd(int descriptor, int* pidfd, hallway_error** error) {
  assert(pidfd != nullptr);
  return guarded(error, [&] {
    auto found = Peer::pidfd_of(descriptor);
    if (!found) return fail(error, found.error());
    *pidfd = found->release();
    return ok;
  });
}

hallway_outcome hallway_peer_pid_status(int descriptor, hallway_pid_status* status,
                                        hallway_error** error) {
  assert(status != nullptr);
  return guarded(error, [&] {
    const auto found = Peer::identity_of(descriptor);
    if (!found) return fail(error, found.error());
    *status = static_cast<hallway_pid_status>(*found);
    return ok;
  });
}

hallway_outcome hallway_rule_admits(const char* rule, const hallway_peer* peer,
                                    const uint32_t* groups, size_t count, int* admits,
                                    hallway_error** error) {
  assert(rule != nullptr && peer != nullptr && admits != nullptr);
  assert(groups != nullptr || count == 0);
  return guarded(error, [&] {
    auto parsed = AllowRule::parse(rule);
    if (parsed) parsed = parsed->resolved();
    if (!parsed) return fail(error, parsed.error());
    const Peer of{.uid = peer->uid, .gid = peer->gid, .pid = peer->pid};
    *admits = parsed->admits(of, std::span(groups, count)) ? 1 : 0;
    return ok;
  });
}
