// SPDX-License-Identifier: Apache-2.0
//
// What a cluster's own thread does: it connects, sends, subscribes, and says what is wanted.
#pragma once

#include "link/cluster_state.hpp"

namespace hallway::link {

/// Blocking: until the state says that it is finishing or stopping.
void serve_cluster(const ClusterState::Shared& state);

}  // namespace hallway::link
