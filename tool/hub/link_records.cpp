// SPDX-License-Identifier: Apache-2.0
#include "hub/link_records.hpp"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <system_error>
#include <type_traits>
#include <utility>
#include <vector>

#include <hallway/limits.hpp>

namespace hallway::tool::link_records {

namespace {

using Json = nlohmann::json;

// Visits the members of each record. Writing and reading share it, so that they cannot differ.

template <typename Rule, typename Visit>
void each_member(Rule& rule, const Visit& visit)
  requires std::is_same_v<std::remove_const_t<Rule>, AllowRule>
{
  visit("kind", rule.kind);
  visit("id", rule.id);
  visit("name", rule.name);
}

template <typename Of, typename Visit>
void each_member(Of& account, const Visit& visit)
  requires std::is_same_v<std::remove_const_t<Of>, LinkAccount>
{
  visit("who", account.who);
  visit("name", account.name);
  visit("user", account.user);
  visit("password", account.password);
  visit("token", account.token);
  visit("credentials", account.credentials);
}

template <typename Of, typename Visit>
void each_member(Of& counts, const Visit& visit)
  requires std::is_same_v<std::remove_const_t<Of>, LinkAccountStatistics>
{
  visit("name", counts.name);
  visit("out", counts.out);
  visit("dropped_out", counts.dropped_out);
  visit("unconfirmed", counts.unconfirmed);
  visit("kept", counts.kept);
  visit("connects", counts.connects);
  visit("up", counts.up);
}

template <typename Options, typename Visit>
void each_member(Options& options, const Visit& visit)
  requires std::is_same_v<std::remove_const_t<Options>, LinkOptions>
{
  visit("urls", options.urls);
  visit("exports", options.exports);
  visit("always", options.always);
  visit("imports", options.imports);
  visit("name", options.name);
  visit("user", options.user);
  visit("password", options.password);
  visit("token", options.token);
  visit("credentials", options.credentials);
  visit("accounts", options.accounts);
  visit("tls_required", options.tls.required);
  visit("tls_ca", options.tls.ca);
  visit("tls_certificate", options.tls.certificate);
  visit("tls_key", options.tls.key);
  visit("first_wait", options.reconnect.first_wait);
  visit("max_wait", options.reconnect.max_wait);
  visit("connect_time", options.connect_time);
  visit("heartbeat", options.heartbeat);
  visit("outbound", options.outbound);
  visit("keep_while_away", options.keep_while_away);
  visit("overflow", options.overflow);
  visit("inbound", options.inbound);
  visit("predecessor", options.predecessor.id);
  visit("predecessor_settled", options.predecessor.settled);
}

template <typename Of, typename Visit>
void each_member(Of& account, const Visit& visit)
  requires std::is_same_v<std::remove_const_t<Of>, Account>
{
  auto& counts = account.statistics;
  visit("out", counts.out);
  visit("in", counts.in);
  visit("dropped_out", counts.dropped_out);
  visit("dropped_in", counts.dropped_in);
  visit("refused_in", counts.refused_in);
  visit("refused_out", counts.refused_out);
  visit("unconfirmed", counts.unconfirmed);
  visit("kept", counts.kept);
  visit("loops_stopped", counts.loops_stopped);
  visit("connects", counts.connects);
  visit("up", counts.up);
  visit("accounts", counts.accounts);
  visit("id", account.progress.id);
  visit("settled", account.progress.settled);
}

template <typename Of>
Json members_of(const Of& of);
template <typename Of>
Of with_members(const Json& json);

/// Whether the value is a list of objects with members of their own.
template <typename Value>
constexpr bool is_list_of_objects = false;
template <typename Of>
constexpr bool is_list_of_objects<std::vector<Of>> = !std::is_same_v<Of, std::string>;

template <typename Value>
Json encoded(const Value& value) {
  if constexpr (is_list_of_objects<Value>) {
    Json list = Json::array();
    for (const auto& one : value) list.push_back(members_of(one));
    return list;
  } else if constexpr (std::is_same_v<Value, Duration>) {
    return value.count();
  } else if constexpr (std::is_enum_v<Value>) {
    return std::to_underlying(value);
  } else {
    return value;
  }
}

template <typename Value>
void decode(const Json& json, Value& value) {
  if constexpr (is_list_of_objects<Value>) {
    value.clear();
    for (const Json& one : json.get_ref<const Json::array_t&>()) {
      value.push_back(with_members<typename Value::value_type>(one));
    }
  } else if constexpr (std::is_same_v<Value, Duration>) {
    value = Duration(json.get<Duration::rep>());
  } else if constexpr (std::is_enum_v<Value>) {
    value = static_cast<Value>(json.get<std::underlying_type_t<Value>>());
  } else {
    json.get_to(value);
  }
}

template <typename Of>
Json members_of(const Of& of) {
  Json json = Json::object();
  each_member(of, [&](const char* name, const auto& value) { json[name] = encoded(value); });
  return json;
}

template <typename Of>
Of with_members(const Json& json) {
  Of of;
  each_member(of, [&](const char* name, auto& value) { decode(json.at(name), value); });
  return of;
}

/// An error category exists in one process only. The reader takes the number as an errno value, and
/// the text carries the meaning of any other category.
Json json_of(const Error& error) {
  return {{"code", error.code.value()},
          {"operation", error.operation},
          {"subject", error.subject},
          {"reason", error.why()},
          {"hint", error.hint}};
}

Error error_in(const Json& json) {
  return {.code = {json.at("code").get<int>(), std::generic_category()},
          .operation = json.at("operation").get<std::string>(),
          .subject = json.at("subject").get<std::string>(),
          .reason = json.at("reason").get<std::string>(),
          .hint = json.at("hint").get<std::string>()};
}

Json named(const char* name, Json value = nullptr) { return {{name, std::move(value)}}; }

Json json_of(const Settings& settings) {
  Json value = members_of(settings.options);
  value["hub"] = settings.hub.name();
  value["hub_is_abstract"] = settings.hub.kind() == Address::Kind::abstract;
  return named("settings", std::move(value));
}
Json json_of(const Started& /*started*/) { return named("started"); }
Json json_of(const Failed& failed) { return named("failed", json_of(failed.why)); }
Json json_of(const LinkEvent& event) {
  Json value = json_of(event.about);
  value["kind"] = encoded(event.kind);
  value["account"] = event.account;
  return named("event", std::move(value));
}
Json json_of(const Account& account) { return named("account", members_of(account)); }
Json json_of(const Ended& ended) { return named("ended", ended.how); }
Json json_of(const Drain& /*drain*/) { return named("drain"); }

std::optional<Record> settings_in(const Json& value) {
  const auto name = value.at("hub").get<std::string>();
  auto hub =
      value.at("hub_is_abstract").get<bool>() ? Address::abstract(name) : Address::path(name);
  if (!hub) return std::nullopt;
  return Settings{.hub = std::move(*hub), .options = with_members<LinkOptions>(value)};
}

std::optional<Record> record_in(const std::string& name, const Json& value) {
  if (name == "settings") return settings_in(value);
  if (name == "started") return Started{};
  if (name == "failed") return Failed{error_in(value)};
  if (name == "event") {
    LinkEvent event{.kind = {}, .about = error_in(value)};
    decode(value.at("kind"), event.kind);
    decode(value.at("account"), event.account);
    return event;
  }
  if (name == "account") return with_members<Account>(value);
  if (name == "ended") return Ended{value.get<std::string>()};
  if (name == "drain") return Drain{};
  return std::nullopt;
}

}  // namespace

std::string write(const Record& record) {
  const Json json = std::visit([](const auto& one) { return json_of(one); }, record);
  std::string bytes;
  Json::to_cbor(json, bytes);
  return bytes;
}

std::optional<Record> read(ByteView bytes) {
  try {
    const Json json = Json::from_cbor(bytes.begin(), bytes.end());
    if (!json.is_object() || json.size() != 1) return std::nullopt;
    return record_in(json.begin().key(), json.begin().value());
  } catch (const Json::exception&) {
    return std::nullopt;
  }
}

ConnectionOptions connection_options() {
  ConnectionOptions options{.framing = Framing::len32()};
  options.limits.max_message = bounds::max_message;
  // The sender waits for a busy hub instead of disconnecting it.
  options.limits.outbound_soft_time = Duration::zero();
  return options;
}

std::string own_program() {
  constexpr const char* link = "/proc/self/exe";
  std::error_code failed;
  const std::filesystem::path path = std::filesystem::read_symlink(link, failed);
  const bool is_there = !failed && std::filesystem::exists(path, failed);
  return is_there ? path.string() : link;
}

}  // namespace hallway::tool::link_records
