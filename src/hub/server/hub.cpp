// SPDX-License-Identifier: Apache-2.0
#include <hallway/hub.hpp>

#include <optional>
#include <utility>

#include <hallway/subject.hpp>

#include "hub/server/client_connection.hpp"
#include "hub/server/hub_state.hpp"
#include "message/server/server_listeners.hpp"
#include "wire/nats_errors.hpp"
#include "wire/nats_writer.hpp"

namespace hallway {

namespace {

/// The hub itself limits queues and the size and time of messages, so the server's own limits for
/// them are set never to apply.
Limits connection_limits(const HubLimits& limits) {
  return {.max_message = bounds::max_message,
          .message_time = Duration::zero(),
          .outbound_soft = SIZE_MAX,
          .outbound_soft_time = limits.slow_time,
          .send_buffer = limits.send_buffer};
}

ServerOptions server_options(const HubOptions& options, std::vector<AllowRule> allow) {
  return {.file = options.file,
          .allow = std::move(allow),
          .connection = {.framing = Framing::raw(), .limits = connection_limits(options.limits)},
          .server_limits = {.max_connections = options.limits.max_connections,
                            .max_connections_per_uid = options.limits.max_connections_per_uid,
                            .max_memory = options.limits.max_memory,
                            .max_memory_per_uid = options.limits.max_memory_per_uid,
                            .send_buffers = options.limits.send_buffers},
          .on_path_lost = options.on_path_lost,
          .takeover = options.takeover,
          .backlog = options.backlog};
}

}  // namespace

class Hub::Core {
 public:
  Core(Loop& loop, HubOptions options, hub::Rules rules)
      : options_(std::move(options)),
        state_(loop, options_.limits, std::move(rules), options_.on_hub_event) {}
  Core(const Core&) = delete;
  Core& operator=(const Core&) = delete;

  Result<void> open(const AddressSpec& address);
  Result<void> set_rules(const HubRules& rules);
  void drain();

  [[nodiscard]] HubStatistics statistics() { return state_.statistics(); }
  [[nodiscard]] std::vector<SubscriptionStatistics> subscriptions();
  [[nodiscard]] std::vector<UserStatistics> users() const { return state_.user_statistics(); }
  [[nodiscard]] const Address& address() const noexcept { return server_->address(); }
  [[nodiscard]] std::vector<std::string> tcp_addresses() const {
    return detail::ServerListeners::tcp_addresses(*server_);
  }

 private:
  Task<> serve(Connection connection);
  [[nodiscard]] std::string text_for_too_many(std::uint64_t connection) const;
  void handle(const ServerEvent& event);
  void leave();

  HubOptions options_;
  hub::HubState state_;
  std::optional<Server> server_;  // client connections refer to all members above
  Loop::DrainCallback on_drain_;  // last: it refers to all members
};

Result<void> Hub::Core::open(const AddressSpec& address) {
  ServerOptions options = server_options(options_, state_.rules.allow());
  options.on_event = [this](const ServerEvent& event) { handle(event); };
  options.export_state = [this] { return state_.export_retained(); };
  options.import_state = [this](Descriptor state) { state_.import_retained(std::move(state)); };
  options.refusal_text = [this](std::uint64_t connection) { return text_for_too_many(connection); };
  auto opened = detail::ServerListeners::open(
      state_.loop, address, [this](Connection connection) { return serve(std::move(connection)); },
      std::move(options), {.addresses = options_.listen, .anywhere = options_.listen_anywhere});
  if (!opened) return std::unexpected(std::move(opened.error()));
  server_.emplace(std::move(*opened));
  std::vector<std::string>& awaited = options_.awaited_exports;
  std::erase_if(awaited, [](const std::string& one) { return !is_subject_pattern(one); });
  if (!awaited.empty()) state_.absent_links.expect(awaited, state_.loop.now());
  state_.info.server_name = options_.name.empty() ? server_->address().unescaped() : options_.name;
  on_drain_ = state_.loop.on_drain([this] { leave(); });
  return {};
}

Task<> Hub::Core::serve(Connection connection) {
  hub::ClientConnection client(state_, std::move(connection));
  co_await client.run();
}

/// INFO before the error, as nats-server sends it: clients wait for INFO first.
std::string Hub::Core::text_for_too_many(std::uint64_t connection) const {
  const std::string info = state_.info.to_json(connection, state_.leaving);
  return nats::to_bytes({.verb = nats::Verb::info, .text = info}) +
         nats::to_bytes({.verb = nats::Verb::err, .text = nats::errors::too_many_connections});
}

Result<void> Hub::Core::set_rules(const HubRules& rules) {
  auto valid = hub::Rules::of(rules);
  if (!valid) return std::unexpected(std::move(valid.error()));
  if (auto set = server_->set_allow(valid->allow()); !set) return set;
  state_.retained.set_rules(valid->retain());
  state_.rules = std::move(*valid);
  for (const auto& [number, client] : state_.clients) client->rules_changed();
  return {};
}

void Hub::Core::handle(const ServerEvent& event) {
  using Kind = ServerEvent::Kind;
  const bool lost = event.kind == Kind::path_lost && options_.on_path_lost == PathLost::drain;
  if (lost || event.kind == Kind::taken_over) leave();
  if (options_.on_event) options_.on_event(event);
}

void Hub::Core::leave() {
  if (std::exchange(state_.leaving, true)) return;
  for (const auto& [number, client] : state_.clients) client->enter_lame_duck();
}

void Hub::Core::drain() {
  leave();
  server_->drain();
}

std::vector<SubscriptionStatistics> Hub::Core::subscriptions() {
  state_.delivery.settle();
  std::vector<SubscriptionStatistics> all;
  for (const auto& [number, client] : state_.clients) {
    const Connection& connection = client->connection();
    client->subscriber().for_each([&](const hub::ClientSubscription& subscription) {
      const auto& queue = subscription.queue;
      all.push_back({.connection = connection.number(),
                     .peer = connection.peer(),
                     .subject = subscription.subject(),
                     .group = subscription.group(),
                     .overflow = queue.policy(),
                     .waiting = queue.waiting(),
                     .delivered = queue.counters().delivered,
                     .bytes = queue.counters().bytes,
                     .dropped = queue.counters().dropped,
                     .superseded = queue.counters().superseded});
    });
  }
  return all;
}

// Hub --------------------------------------------------------------------------------------------

Result<Hub> Hub::start(Loop& loop, const AddressSpec& address, HubOptions options) {
  auto rules = hub::Rules::of(std::exchange(options.rules, {}));
  if (!rules) return std::unexpected(std::move(rules.error()));
  auto core = std::make_unique<Core>(loop, std::move(options), std::move(*rules));
  if (auto opened = core->open(address); !opened) return std::unexpected(std::move(opened.error()));
  return Hub(std::move(core));
}

Hub::Hub(std::unique_ptr<Core> core) noexcept : core_(std::move(core)) {}
Hub::Hub(Hub&&) noexcept = default;
Hub& Hub::operator=(Hub&&) noexcept = default;
Hub::~Hub() = default;

Result<void> Hub::set_rules(const HubRules& rules) { return core_->set_rules(rules); }
HubStatistics Hub::statistics() const { return core_->statistics(); }
std::vector<SubscriptionStatistics> Hub::subscriptions() const { return core_->subscriptions(); }
std::vector<UserStatistics> Hub::users() const { return core_->users(); }
void Hub::drain() { core_->drain(); }
const Address& Hub::address() const noexcept { return core_->address(); }
std::vector<std::string> Hub::tcp_addresses() const { return core_->tcp_addresses(); }

}  // namespace hallway
