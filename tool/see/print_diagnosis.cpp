// SPDX-License-Identifier: Apache-2.0
#include "see/print_diagnosis.hpp"

#include <string>
#include <utility>
#include <vector>

#include "io/json_line.hpp"
#include "io/output.hpp"
#include "io/report.hpp"

namespace hallway::tool {

namespace {

int status_of(Diagnosis::State state) {
  switch (state) {
    case Diagnosis::State::healthy: return exit_status::done;
    case Diagnosis::State::unreachable: return exit_status::unreachable;
    case Diagnosis::State::stuck: return exit_status::timed_out;
    case Diagnosis::State::denied: return exit_status::denied;
    case Diagnosis::State::wrong: break;
  }
  return exit_status::failed;
}

nlohmann::ordered_json as_json(const std::vector<Finding>& findings) {
  auto list = nlohmann::ordered_json::array();
  for (const Finding& finding : findings) {
    list.push_back({{"cause", finding.cause},
                    {"certainty", to_string(finding.certainty)},
                    {"sentence", finding.sentence},
                    {"evidence", finding.evidence},
                    {"fix", finding.fix}});
  }
  return list;
}

std::string as_json(const Diagnosis& diagnosis, nlohmann::ordered_json object) {
  object["state"] = to_string(diagnosis.state);
  object["summary"] = diagnosis.summary;
  object["findings"] = as_json(diagnosis.findings);
  object["also"] = as_json(diagnosis.also);
  object["unseen"] = diagnosis.unseen;
  return json_line(object);
}

}  // namespace

int print_diagnosis(const Diagnosis& diagnosis, nlohmann::ordered_json subject, bool json) {
  const int printed =
      print_and_end(json ? as_json(diagnosis, std::move(subject)) : diagnosis.to_string() + "\n");
  return printed != exit_status::done ? printed : status_of(diagnosis.state);
}

}  // namespace hallway::tool
