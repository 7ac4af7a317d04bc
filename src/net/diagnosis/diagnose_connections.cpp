// SPDX-License-Identifier: Apache-2.0
#include <hallway/diagnosis.hpp>

#include "net/diagnosis/explain_connections.hpp"
#include "net/diagnosis/gather_connections.hpp"

namespace hallway {

Result<Diagnosis> diagnose_connections(std::int32_t pid, const std::optional<Address>& to) {
  const auto evidence = net::gather_connections(pid, to);
  if (!evidence) return std::unexpected(evidence.error());
  return net::explain(*evidence);
}

}  // namespace hallway
