// SPDX-License-Identifier: Apache-2.0
#include "ready.hpp"

#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include <hallway/address.hpp>
#include <hallway/datagram_socket.hpp>
#include <hallway/descriptor.hpp>
#include <hallway/task.hpp>

#include "report.hpp"

namespace hallway::tool {

namespace {

/// A manager that does not read must not hold up our end.
constexpr Duration patience = std::chrono::seconds(1);

void unheard(Events& events, const Error& error) {
  if (events.tells(Events::Level::detail)) events.error("not notified", 0, error);
}

void write_newline(Events& events, int descriptor) {
  if (write(descriptor, "\n", 1) < 0) unheard(events, error_of(errno, "write", "--ready-fd"));
  // The standard ones have more to do.
  if (descriptor > STDERR_FILENO) Descriptor::adopt(descriptor).close();
}

Result<Address> notify_address(std::string_view text) {
  return text.starts_with('@') ? Address::abstract(text.substr(1)) : Address::path(text);
}

Task<> notify(Loop& loop, Events& events, std::string_view state) {
  const char* text = std::getenv("NOTIFY_SOCKET");
  if (text == nullptr || *text == '\0') co_return;
  const auto address = notify_address(text);
  if (!address) co_return unheard(events, address.error());
  auto socket = DatagramSocket::connect(loop, *address);
  if (!socket) co_return unheard(events, socket.error());
  const auto sent = co_await socket->send(state, patience);
  if (!sent) unheard(events, sent.error());
}

void tell_ready(Loop& loop, Events& events, std::optional<int> descriptor) {
  if (descriptor) write_newline(events, *descriptor);
  loop.spawn(notify(loop, events, "READY=1"));
  loop.on_drain(&events, [&] { loop.spawn(notify(loop, events, "STOPPING=1")); });
}

}  // namespace

int run_server(Loop& loop, Events& events, std::optional<int> descriptor) {
  tell_ready(loop, events, descriptor);
  const int status = loop.run();
  events.tell(Events::Level::usual, "stopped", 0, "", {{"exit", status}});
  return status;
}

}  // namespace hallway::tool
