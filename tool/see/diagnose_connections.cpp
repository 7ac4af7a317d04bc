// SPDX-License-Identifier: Apache-2.0
#include "see/diagnose_connections.hpp"

#include <nlohmann/json.hpp>
#include <utility>

#include <hallway/diagnosis.hpp>

#include "io/report.hpp"
#include "see/print_diagnosis.hpp"

namespace hallway::tool {

int diagnose_connections(std::int32_t pid, const std::optional<Address>& to, bool json) {
  const auto diagnosis = hallway::diagnose_connections(pid, to);
  if (!diagnosis) return fail(diagnosis.error());
  nlohmann::ordered_json subject{{"pid", pid}};
  if (to) subject["address"] = to->unescaped();
  return print_diagnosis(*diagnosis, std::move(subject), json);
}

}  // namespace hallway::tool
