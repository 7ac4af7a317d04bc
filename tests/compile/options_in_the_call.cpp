// SPDX-License-Identifier: Apache-2.0
//
// Options that are made in an awaited call: GCC 12 would destroy them twice, and each such form, by
// the name of its macro, must be refused. Without a macro: the forms that every compiler accepts.
#include <hallway/hub_client.hpp>
#include <hallway/link.hpp>

using namespace hallway;

Task<> call(Loop& loop) {
#if defined(HUB_CLIENT_BRACES)
  const auto client = co_await hub::Client::connect(loop, "hub.sock", {.name = "n"});
#elif defined(HUB_CLIENT_EMPTY_BRACES)
  const auto client = co_await hub::Client::connect(loop, "hub.sock", {});
#elif defined(HUB_CLIENT_TEMPORARY)
  const auto client = co_await hub::Client::connect(loop, "hub.sock", hub::ClientOptions{});
#elif defined(LINK_BRACES)
  const auto link = co_await Link::start(loop, "hub.sock", {.urls = {}});
#elif defined(LINK_TEMPORARY)
  const auto link = co_await Link::start(loop, "hub.sock", LinkOptions{.urls = {}});
#else
  const auto plain = co_await hub::Client::connect(loop, "hub.sock");
  hub::ClientOptions options{.name = "n"};
  const auto named = co_await hub::Client::connect(loop, "hub.sock", options);
  const hub::ClientOptions constant{.name = "n"};
  auto client = co_await hub::Client::connect(loop, "hub.sock", constant);
  const LinkOptions link_options{.urls = {}};
  const auto link = co_await Link::start(loop, "hub.sock", link_options);
  if (!client) co_return;
  const hub::Field fields[]{{"name", "value"}};
  const hub::Sent sent = co_await client->publish("subject", "", {.reply = "r", .header = fields});
  if (!sent) co_return;
#endif
}
