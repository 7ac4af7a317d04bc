// SPDX-License-Identifier: Apache-2.0
//
// hallway hub: publish and subscribe for the processes of one machine.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <expected>
#include <iterator>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <hallway/deadline.hpp>
#include <hallway/hub.hpp>
#include <hallway/loop.hpp>
#include <hallway/task_scope.hpp>

#include "cli/add_value.hpp"
#include "cli/flags.hpp"
#include "cli/verb.hpp"
#include "hub/hub_config.hpp"
#include "hub/hub_events.hpp"
#include "hub/hub_link.hpp"
#include "hub/hub_metrics.hpp"
#include "hub/hub_service_flags.hpp"
#include "hub/link_events.hpp"
#include "hub/metrics_server.hpp"
#include "io/events.hpp"
#include "io/report.hpp"
#include "io/values.hpp"
#include "server/ready.hpp"
#include "server/server_sandbox.hpp"
#include "server/server_watch.hpp"

namespace hallway::tool {

namespace {

constexpr const char* hub_examples =
    "Examples:\n"
    "  hallway hub                             on the default address, for this user\n"
    "  hallway hub ./hub.sock --mode 0660 --group staff\n"
    "  hallway hub --config /etc/hallway/hub.toml --metrics 127.0.0.1:9464\n"
    "  hallway hub --listen tcp:127.0.0.1:4222   and for NATS clients over TCP\n"
    "  hallway hub --link nats://10.0.0.1:4222 --export 'news.>' --import 'news.>'\n"
    "  hallway hub --check-config /etc/hallway/hub.toml\n"
    "  printf 'SUB news.* 1\\r\\n' | nc -U ./hub.sock\n"
    "\nThe default ADDRESS is that of the config, or else HALLWAY_HUB, or else\n"
    "$XDG_RUNTIME_DIR/hallway/hub; without such a directory of this user it is\n"
    "/run/hallway/hub for root, and /tmp/hallway-hub.sock for others.\n";

/// Time between two attempts to bind the metrics address of a hub that is being replaced.
constexpr Duration metrics_pause = std::chrono::milliseconds(100);

int check_config(const std::string& file, Events& events) {
  const auto config = read_hub_config(file);
  if (!config) return fail_config(config.error());
  const bool blank = config->blank;
  events.log(Events::Level::usual, "config valid", 0, file + (blank ? ": empty, no rules" : ""),
             {{"file", file}, {"empty", blank}});
  return exit_status::done;
}

/// A running hub with its link, its metrics and its sandbox.
class HubService {
 public:
  HubService(Loop& loop, const HubServiceFlags& flags, HubConfig config, Events& events)
      : loop_(&loop),
        flags_(&flags),
        config_(std::move(config)),
        address_(listening_address(config_)),
        events_(&events),
        run_(loop, events, address_.unescaped()),
        watch_(loop, events, run_, config_.hub.on_path_lost),
        metrics_to_come_(loop) {}

  int run() {
    // Before the hub: a client that can connect to it can also read its metrics. Where neither can
    // be opened, the error of the hub is the one that matters.
    const auto opened_metrics = open_metrics();
    if (auto opened = open(); !opened) return fail(opened.error());
    if (!opened_metrics) return fail(opened_metrics.error());
    run_.on_reload([this, flags = *flags_]() -> ServerRun::Apply {
      return [this, read = read_again(flags)]() mutable { return apply(read); };
    });
    if (auto claimed = run_.claim_signals(); !claimed) return fail(claimed.error());
    if (auto opened = open_link(); !opened) return fail(opened.error());
    if (metrics_) log_metrics();
    run_.on_status([this] {
      return counted(hub_->statistics().connections, "connection") +
             (loop_->draining() ? ", draining" : "");
    });
    if (config_.blank) {
      events_->log(Events::Level::usual, "config empty", 0, *flags_->config + ": no rules",
                   {{"file", *flags_->config}});
    }
    log_retained();
    if (metrics_to_come_.size() == 0) enter_sandbox();
    // Its own address last: once that is reported, all of them are.
    for (const std::string& address : hub_->tcp_addresses()) log_listening(address);
    log_listening(hub_->address().unescaped());
    const int status = run_.run(flags_->listening.ready_fd, config_.hub.takeover);
    if (link_) LinkEvents(*events_).log_losses(link_->statistics());
    return watch_.status_of_end(status, "hub");
  }

 private:
  void log_listening(const std::string& address) {
    events_->log(Events::Level::usual, "listening", 0, address + " (hub)",
                 {{"address", address}, {"type", "hub"}});
  }

  Result<void> open() {
    HubOptions options = config_.hub;
    options.on_event = [this](const ServerEvent& event) { watch_.follow(event); };
    if (config_.link) options.awaited_exports = config_.link->always;
    options.on_hub_event = [this](const HubEvent& event) { tool::log(*events_, event); };
    auto hub = Hub::start(*loop_, address_, std::move(options));
    if (!hub) return std::unexpected(hub.error());
    hub_.emplace(std::move(*hub));
    return {};
  }

  Result<void> open_link() {
    if (!config_.link) return {};
    auto opened = HubLink::open(*loop_, hub_->address(), *config_.link, flags_->loop, *events_);
    if (!opened) return std::unexpected(opened.error());
    link_.emplace(std::move(*opened));
    LinkEvents(*events_).log_excluded(*config_.link);
    return {};
  }

  void log_retained() {
    const std::uint64_t values = hub_->statistics().retained;
    if (values == 0) return;
    events_->log(Events::Level::usual, "retained", 0,
                 counted(values, "value") + " of the hub before this one", {{"values", values}});
  }

  // --- metrics ---

  Result<void> open_metrics() {
    if (!config_.metrics.address) return {};
    auto opened = try_to_open_metrics();
    // The hub that was taken over releases the metrics address once it has drained.
    const bool held = !opened && opened.error().code == std::errc::address_in_use;
    if (!held || !config_.hub.takeover) return opened;
    metrics_to_come_.spawn(await_metrics());
    return {};
  }

  Result<void> try_to_open_metrics() {
    auto collect = [this, most = config_.metrics.subscriptions] {
      auto families = hub_metrics(hub_->statistics(), hub_->subscriptions(), most);
      std::ranges::move(user_metrics(hub_->users()), std::back_inserter(families));
      if (link_) std::ranges::move(link_metrics(link_->statistics()), std::back_inserter(families));
      return families;
    };
    PathEvents path{config_.hub.on_path_lost,
                    [this](const ServerEvent& event) { watch_.follow(event); }};
    auto opened = MetricsServer::open(*loop_, config_.metrics, std::move(collect), std::move(path));
    if (!opened) return std::unexpected(opened.error());
    metrics_ = std::move(*opened);
    return {};
  }

  void log_metrics() {
    const std::string address = metrics_->address();
    events_->log(Events::Level::usual, "metrics", 0, address, {{"address", address}});
  }

  Task<> await_metrics() {
    const Deadline deadline(ServerLimits{}.drain_time + metrics_pause);
    while (co_await loop_->sleep(metrics_pause) == Outcome::ok) {
      const auto opened = try_to_open_metrics();
      if (!opened && !deadline.passed()) continue;
      if (opened) {
        log_metrics();
      } else {
        events_->error("no metrics", 0, opened.error());
      }
      // Not earlier: inside the sandbox, the metrics could not be opened.
      enter_sandbox();
      co_return;
    }
  }

  // --- the sandbox ---

  void enter_sandbox() {
    SandboxNeeds needs{.off = why_no_sandbox(),
                       .sockets = {hub_->address()},
                       .rebinds = config_.hub.on_path_lost == PathLost::rebind,
                       .config = flags_->config,
                       .looks_into_processes = why_into_processes(config_.hub.rules)};
    const auto& metrics = config_.metrics.address;
    const auto* at = metrics ? std::get_if<Address>(&*metrics) : nullptr;
    if (at != nullptr) needs.sockets.push_back(*at);
    sandbox_ = tool::enter_sandbox(*events_, needs);
  }

  [[nodiscard]] std::string why_no_sandbox() const {
    if (!config_.sandbox) return flags_->listening.sandbox ? "hub.sandbox" : "--no-sandbox";
    return {};
  }

  /// An identity header names the publisher's program, which is read from /proc/PID/exe.
  static std::string why_into_processes(const HubRules& rules) {
    return rules.stamped.empty() ? "" : "it would hide the programs that hub.stamped records";
  }

  // --- SIGHUP ---

  using ConfigResult = std::expected<HubConfig, ConfigErrors>;

  /// Thread: any. Blocking: until names are looked up and files are read.
  static ConfigResult read_again(const HubServiceFlags& flags) {
    auto read = flags.settings(ConfigRead::again);
    if (!read) return read;
    auto rules = read->hub.rules.resolved();
    if (!rules) return std::unexpected(ConfigErrors{std::move(rules.error())});
    read->hub.rules = std::move(*rules);
    return read;
  }

  Result<std::string> apply(ConfigResult& read) {
    if (!read) return std::unexpected(refuse(std::move(read.error())));
    if (auto set = hub_->set_rules(read->hub.rules); !set) return std::unexpected(set.error());
    for (const std::string& key : fixed_differences(config_, *read)) {
      events_->log(Events::Level::usual, "not changed", 0, key + ": takes effect after a restart",
                   {{"key", key}});
    }
    log_hidden_programs(read->hub.rules);
    const HubRules before = std::exchange(config_.hub.rules, std::move(read->hub.rules));
    const HubRules& rules = config_.hub.rules;
    return counted_now(rules.allow.size(), before.allow.size(), "rule") + ", " +
           counted_now(rules.permissions.size(), before.permissions.size(), "permission") + ", " +
           counted_now(rules.delivery.size(), before.delivery.size(), "delivery rule") +
           retain_rules_now(rules.retain.size(), before.retain.size());
  }

  /// A Landlock sandbox cannot be left, and identity headers lack the program that it hides.
  void log_hidden_programs(const HubRules& now) {
    const bool hidden = sandbox_.landlock > 0 && config_.hub.rules.stamped.empty();
    if (!hidden || now.stamped.empty()) return;
    events_->log(Events::Level::usual, "not changed", 0,
                 "hub.stamped: without the program until a restart, because the sandbox hides it",
                 {{"key", "hub.stamped"}});
  }

  /// Adds the count before if it was higher: fewer rules may be intended, or a file saved partly.
  static std::string counted_now(std::size_t now, std::size_t before, std::string_view thing) {
    return counted(now, thing) + (now < before ? fmt::format(" (before: {})", before) : "");
  }

  /// Empty if there are none, and were none before.
  static std::string retain_rules_now(std::size_t now, std::size_t before) {
    return now + before == 0 ? "" : ", " + counted_now(now, before, "retain rule");
  }

  Error refuse(ConfigErrors errors) {
    constexpr auto kept = "; the previous config stays in force";
    explain_denial(errors.front());
    if (!flags_->config) return std::move(errors.front());
    // An error about the whole file, without a place in it, is the only one.
    if (errors.size() == 1 && errors.front().subject == *flags_->config) {
      Error error = std::move(errors.front());
      error.reason = error.why() + kept;
      return error;
    }
    for (const Error& error : errors) events_->error("config error", 0, error);
    return error_of(std::errc::invalid_argument, "config", *flags_->config,
                    counted(errors.size(), "mistake") + kept);
  }

  /// A symbolic link to the config may now lead outside the directory that the sandbox allows.
  void explain_denial(Error& error) const {
    if (sandbox_.landlock == 0 || error.code != std::errc::permission_denied) return;
    error.reason = error.why() +
                   ": the sandbox permits only the directory that the config was in at the start";
  }

  Loop* loop_;
  const HubServiceFlags* flags_;
  HubConfig config_;
  Address address_;
  Events* events_;
  ServerRun run_;
  ServerWatch watch_;
  std::optional<Hub> hub_;
  std::optional<HubLink> link_;
  std::unique_ptr<MetricsServer> metrics_;
  Sandbox sandbox_;
  TaskScope metrics_to_come_;
};

int run_hub(const HubServiceFlags& flags) {
  Events events(flags.verbosity);
  if (flags.check_config) return check_config(*flags.check_config, events);
  auto config = flags.settings();
  if (!config) return fail_config(config.error());
  return run_on_loop(flags.loop, events, [&](Loop& loop) {
    return HubService(loop, flags, std::move(*config), events).run();
  });
}

}  // namespace

Run add_hub(CLI::App& verb, const TrailingArgs& rest) {
  if (rest) refuse_flags("--", "a hub does not run a program");
  auto flags = std::make_shared<HubServiceFlags>();
  add_hub_service_flags(verb, *flags);
  add_examples(verb, hub_examples);
  return [flags] { return run_hub(*flags); };
}

}  // namespace hallway::tool
