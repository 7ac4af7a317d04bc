// SPDX-License-Identifier: Apache-2.0
//
// Any text as the config of a hub: read, or refused with lines that say where and why and could
// upset no terminal. What is read are rules that a hub takes, and reading it again gives the same.
#include <string>
#include <string_view>

#include "hub/server/rules.hpp"
#include "input.hpp"
#include "text.hpp"
#include "tool/hub/hub_config.hpp"

namespace {

using namespace hallway;
using namespace hallway::tool;
using fuzz::require;

constexpr const char* name = "hub.toml";

void check_refusal(const ConfigErrors& errors) {
  require(!errors.empty());
  for (const Error& error : errors) {
    require(error.operation == "config" && error.subject.starts_with(name));
    require(!error.why().empty());
    require(fuzz::is_harmless(error.explain()) && fuzz::is_harmless(error.hint));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto config = parse_hub_config(text, name);
  const auto again = parse_hub_config(text, name);
  require(config.has_value() == again.has_value());
  if (!config) {
    check_refusal(config.error());
    require(config.error().size() == again.error().size());
    return 0;
  }
  require(fixed_differences(*config, *again).empty());
  require(hub::Rules::of(config->hub.rules).has_value());
  require(!is_blank(std::string(text)) || config->hub.rules.permissions.empty());
  return 0;
}
