// SPDX-License-Identifier: Apache-2.0
#include "server/server_sandbox.hpp"

#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "io/log.hpp"

namespace hallway::tool {

namespace {

constexpr auto incomplete = "sandbox incomplete";

}  // namespace

Sandbox enter_sandbox(Events& events, const SandboxNeeds& needs, Output* output) {
  if (!needs.off.empty()) {
    events.log(Events::Level::detail, "sandbox", 0, "off: " + needs.off, {{"off", needs.off}});
    return {};
  }
  std::vector<RunInThread> others{
      [](std::function<void()> action) { Log::standard_error().run_in_thread(std::move(action)); }};
  if (output != nullptr) {
    others.emplace_back(
        [output](std::function<void()> action) { output->run_in_thread(std::move(action)); });
  }
  // Captures a copy, because such a thread may run this after everything else has ended.
  Sandbox sandbox = enter_sandbox(
      needs, others, [events](const Error& error) mutable { events.error(incomplete, 0, error); });
  for (const Error& error : sandbox.errors) events.error(incomplete, 0, error);
  events.log(Events::Level::detail, "sandbox", 0, sandbox.to_string(),
             {{"no_new_privileges", sandbox.no_new_privileges},
              {"landlock", sandbox.landlock},
              {"system_calls", sandbox.system_calls}});
  return sandbox;
}

}  // namespace hallway::tool
