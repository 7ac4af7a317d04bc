// SPDX-License-Identifier: Apache-2.0
#include "net/diagnosis/socket_unit.hpp"

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>

#include <hallway/limits.hpp>
#include <hallway/peer.hpp>

#include "core/number.hpp"
#include "net/diagnosis/socket_table.hpp"
#include "sys/event.hpp"
#include "sys/inspect.hpp"
#include "sys/process.hpp"
#include "sys/socket.hpp"

namespace hallway::net {

namespace {

constexpr std::chrono::milliseconds systemctl_time{500};

std::string property(const UnitProperties& unit, const std::string& name) {
  const auto found = unit.find(name);
  return found == unit.end() ? std::string() : found->second;
}

std::optional<std::uint64_t> number_property(const UnitProperties& unit, const std::string& name) {
  return core::parse_number<std::uint64_t>(property(unit, name));
}

/// Reads until the other end is closed.
std::string read_all(int socket, Clock::time_point until) {
  constexpr std::size_t most = mebibyte;
  std::string text;
  std::vector<char> buffer(64 * kibibyte);
  while (text.size() < most) {
    const auto left = std::max(until - Clock::now(), Clock::duration::zero());
    const auto ready = sys::poll_one(socket, sys::event_readable, left);
    if (!ready || !*ready) return text;
    const auto got =
        sys::receive_bytes(socket, {.iov_base = buffer.data(), .iov_len = buffer.size()});
    if (!got || *got == 0) return text;
    text.append(buffer.data(), *got);
  }
  return text;
}

/// The output of a program; empty if it does not end in time.
std::string output_of(const std::vector<std::string>& command) {
  auto pair = sys::make_pair(sys::Type::stream);
  if (!pair) return {};
  const int theirs = pair->second.get();
  // No input, and what it says on stderr is not wanted: the other end of its stdin is closed.
  auto nothing = sys::make_pair(sys::Type::stream);
  if (!nothing) return {};
  nothing->first.close();
  const int closed = nothing->second.get();
  const auto pid = sys::spawn(command, {closed, theirs, closed},
                              sys::environment_without({"SYSTEMD_PAGER", "PAGER"}));
  pair->second.close();
  if (!pid) return {};
  const auto until = Clock::now() + systemctl_time;
  std::string text = read_all(pair->first.get(), until);
  // It has ended, or it is late.
  sys::kill_and_reap(*pid);
  return Clock::now() < until ? text : std::string();
}

std::vector<UnitProperties> show(const std::string& units, const std::string& properties) {
  return parse_units(output_of(
      {"systemctl", "show", "--no-pager", "--all", "--property=" + properties, "--", units}));
}

void take_service(Look& look, SocketUnit& unit) {
  const auto services = show(unit.service, "SubState,Result,User,MainPID");
  if (services.empty()) return;
  const UnitProperties& service = services.front();
  unit.service_state = property(service, "SubState");
  unit.service_result = property(service, "Result");
  if (const std::string user = property(service, "User"); !user.empty()) {
    if (const auto uid = user_id(user)) unit.service_uid = *uid;
  }
  const auto pid = core::parse_number<std::int32_t>(property(service, "MainPID"));
  if (pid && *pid > 0) unit.main = look_at_process(*pid, look.accounts);
}

SocketUnit to_unit(const UnitProperties& properties) {
  SocketUnit unit;
  unit.name = property(properties, "Id");
  unit.state = property(properties, "SubState");
  unit.result = property(properties, "Result");
  const std::string services = property(properties, "Triggers");
  unit.service = services.substr(0, services.find(' '));
  unit.accepted = number_property(properties, "NAccepted");
  unit.refused = number_property(properties, "NRefused");
  const std::string removes = property(properties, "RemoveOnStop");
  if (!removes.empty()) unit.removes_on_stop = removes == "yes";
  return unit;
}

}  // namespace

void look_at_unit(Look& look) {
  if (!sys::details_at("/run/systemd/system")) return;
  const Address& address = look.evidence.address;
  const std::string name =
      address.kind() == Address::Kind::abstract ? shown_abstract(address.name()) : look.absolute;
  const auto units =
      show("*.socket", "Id,Listen,SubState,Result,Triggers,NAccepted,NRefused,RemoveOnStop");
  if (units.empty()) look.miss("the socket units of systemd (systemctl does not answer)");
  for (const UnitProperties& properties : units) {
    if (!listens_to(properties, name)) continue;
    SocketUnit unit = to_unit(properties);
    if (!unit.service.empty()) take_service(look, unit);
    look.evidence.unit = std::move(unit);
    return;
  }
}

std::vector<UnitProperties> parse_units(std::string_view text) {
  std::vector<UnitProperties> units;
  UnitProperties unit;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    const std::size_t equals = line.find('=');
    if (equals != std::string_view::npos) {
      unit.emplace(line.substr(0, equals), line.substr(equals + 1));
    }
    if (unit.empty() || (!line.empty() && !text.empty())) continue;
    units.push_back(std::move(unit));
    unit.clear();
  }
  return units;
}

// "Listen=/run/app.sock (Stream)"
bool listens_to(const UnitProperties& unit, std::string_view name) {
  const auto [first, last] = unit.equal_range("Listen");
  return std::any_of(first, last, [&](const auto& listen) {
    const std::string_view value = listen.second;
    return value.substr(0, value.rfind(" (")) == name;
  });
}

}  // namespace hallway::net
