// SPDX-License-Identifier: Apache-2.0
//
// The body of a cluster's own thread: it connects, sends, subscribes, and announces the wanted
// patterns.
#pragma once

#include "link/cluster_state.hpp"

namespace hallway::link {

/// Blocking: until the state is `finishing` or `stopping`.
void serve_cluster(const ClusterState::Shared& state);

}  // namespace hallway::link
