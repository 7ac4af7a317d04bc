// SPDX-License-Identifier: Apache-2.0
//
// hallway link: links a hub, which runs in another process, to a cluster of NATS servers.

#include <algorithm>
#include <chrono>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>

#include <hallway/hub_client.hpp>
#include <hallway/loop.hpp>

#include "cli/add_value.hpp"
#include "cli/flags.hpp"
#include "cli/verb.hpp"
#include "hub/hub_metrics.hpp"
#include "hub/hub_service_flags.hpp"
#include "hub/link_events.hpp"
#include "hub/link_flags.hpp"
#include "hub/metrics_server.hpp"
#include "hub/running_link.hpp"
#include "io/events.hpp"
#include "io/report.hpp"
#include "server/ready.hpp"

namespace hallway::tool {

namespace {

constexpr const char* link_examples =
    "Examples:\n"
    "  hallway link --to nats://10.0.0.1:4222 --export 'news.>' --import 'news.>'\n"
    "  hallway link ./hub.sock --to tls://nats.example:4222 --credentials hub.creds\n"
    "  hallway link --config /etc/hallway/link.toml --metrics 127.0.0.1:9465\n"
    "\nOnly root and the hub's own user may link a hub. `hallway hub --link` starts\n"
    "such a process itself. The default HUB is that of the config, or else the\n"
    "first that is served of HALLWAY_HUB, $XDG_RUNTIME_DIR/hallway/hub,\n"
    "/run/hallway/hub and /tmp/hallway-hub.sock.\n";

class LinkService {
 public:
  LinkService(Loop& loop, const LinkFlags& flags, HubConfig config, Address hub, Events& events)
      : loop_(&loop),
        flags_(&flags),
        config_(std::move(config)),
        hub_(std::move(hub)),
        events_(&events),
        link_events_(events),
        run_(loop, events, hub_.unescaped()) {}

  int run() {
    run_.on_reload([this, flags = *flags_]() -> ServerRun::Apply {
      return [this, read = flags.settings(ConfigRead::again)] { return apply(read); };
    });
    if (auto claimed = run_.claim_signals(); !claimed) return fail(claimed.error());
    LinkOptions options = *config_.link;
    options.on_event = [this](const LinkEvent& event) { handle(event); };
    auto opened = loop_->run(RunningLink::open(*loop_, hub_, std::move(options)));
    if (!opened) return fail_to_open(opened.error());
    link_.emplace(std::move(*opened));
    if (auto served = open_metrics(); !served) return fail(served.error());
    run_.on_status([this] {
      const LinkStatistics now = link_->statistics();
      return std::string(now.up ? "connected" : "no server") +
             (loop_->draining() ? ", draining" : "");
    });
    const std::string address = hub_.unescaped();
    events_->log(Events::Level::usual, "linked", 0, address, {{"address", address}});
    link_events_.log_excluded(*config_.link);
    const int status = run_.run(flags_->ready_fd);
    link_events_.log_losses(link_->statistics());
    return status;
  }

 private:
  void handle(const LinkEvent& event) {
    link_events_.log(event);
    run_.changed();
  }

  static int fail_to_open(const Error& error) {
    if (error.code == std::errc::invalid_argument) return fail_usage(error);
    return error.operation == "connect" ? fail_to_connect(error) : fail(error);
  }

  Result<void> open_metrics() {
    if (!config_.metrics.address) return {};
    auto opened = MetricsServer::open(*loop_, config_.metrics,
                                      [this] { return link_metrics(link_->statistics()); }, {});
    if (!opened) return std::unexpected(opened.error());
    metrics_ = std::move(*opened);
    const std::string address = metrics_->address();
    events_->log(Events::Level::usual, "metrics", 0, address, {{"address", address}});
    return {};
  }

  /// A link's settings are fixed at its start; this only reports what differs.
  Result<std::string> apply(const std::expected<HubConfig, ConfigErrors>& read) {
    if (!read) {
      for (const Error& error : read.error()) events_->error("wrong", 0, error);
      return std::unexpected(error_of(std::errc::invalid_argument, "config",
                                      flags_->config.value_or("the command line"),
                                      "the previous config stays in force"));
    }
    const auto changed = fixed_differences(config_, *read);
    for (const char* key : {"link", "hub.address"}) {
      if (std::ranges::find(changed, key) == changed.end()) continue;
      events_->log(Events::Level::usual, "not changed", 0,
                   key + std::string(": takes effect after a restart"), {{"key", key}});
    }
    return "a link applies changes only after a restart";
  }

  Loop* loop_;
  const LinkFlags* flags_;
  HubConfig config_;
  Address hub_;
  Events* events_;
  LinkEvents link_events_;
  ServerRun run_;
  std::optional<RunningLink> link_;
  std::unique_ptr<MetricsServer> metrics_;
};

/// The hub that is served at the first default address; see hub::Client::find().
Task<Result<Address>> find_hub(Loop& loop) {
  const hub::ClientOptions options{.name = "hallway link"};
  auto client = co_await hub::Client::find(loop, options);
  if (!client) co_return std::unexpected(client.error());
  co_return client->address();
}

int run_link(const LinkFlags& flags) {
  Events events(flags.verbosity);
  auto config = flags.settings();
  if (!config) return fail_config(config.error());
  return run_on_loop(flags.loop, events, [&](Loop& loop) {
    auto hub = config->address ? Result<Address>(*config->address) : loop.run(find_hub(loop));
    if (!hub) return fail_to_connect(hub.error());
    return LinkService(loop, flags, std::move(*config), std::move(*hub), events).run();
  });
}

}  // namespace

Run add_link(CLI::App& verb, const TrailingArgs& rest) {
  if (rest) refuse_flags("--", "a link does not run a program");
  auto flags = std::make_shared<LinkFlags>();
  add_link_flags(verb, *flags);
  add_examples(verb, link_examples);
  return [flags] { return run_link(*flags); };
}

}  // namespace hallway::tool
