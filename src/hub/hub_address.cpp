// SPDX-License-Identifier: Apache-2.0
#include <hallway/hub_address.hpp>

#include <utility>

#include <hallway/limits.hpp>

#include "sys/file.hpp"
#include "sys/process.hpp"

namespace hallway::hub {

namespace {

/// The value of a variable; empty if it is not set.
std::string environment(const char* name) {
  const char* value = sys::environment_value(name);
  return value == nullptr ? "" : value;
}

/// The directory for the sockets of this process's user; empty if there is none. After su(1) the
/// variable may still name that of another user.
std::string runtime_directory() {
  std::string path = environment("XDG_RUNTIME_DIR");
  if (!path.starts_with('/')) return {};
  const auto directory = sys::open_directory(path);
  if (!directory) return {};
  const auto identity = sys::identify(directory->get());
  const bool ours = identity && identity->uid == sys::effective_uid();
  return ours ? path : std::string();
}

std::string named_address() { return environment("HALLWAY_HUB"); }

std::string user_address() {
  const std::string directory = runtime_directory();
  return directory.empty() ? directory : directory + "/hallway/hub";
}

}  // namespace

std::vector<std::string> default_addresses() {
  std::vector<std::string> addresses;
  for (std::string address : {named_address(), user_address()}) {
    if (!address.empty()) addresses.push_back(std::move(address));
  }
  addresses.emplace_back(defaults::system_hub_address);
  addresses.emplace_back(defaults::hub_address);
  return addresses;
}

std::string default_listening_address() {
  for (std::string address : {named_address(), user_address()}) {
    if (!address.empty()) return address;
  }
  return sys::effective_uid() == 0 ? defaults::system_hub_address : defaults::hub_address;
}

}  // namespace hallway::hub
