// SPDX-License-Identifier: Apache-2.0
#include <hallway/diagnosis.hpp>

#include "net/diagnosis/explain.hpp"
#include "net/diagnosis/gather.hpp"

namespace hallway {

Result<Diagnosis> diagnose(const Address& address, const DiagnoseOptions& options) {
  const auto evidence = net::gather(address, options);
  if (!evidence) return std::unexpected(evidence.error());
  return net::explain(*evidence);
}

}  // namespace hallway
