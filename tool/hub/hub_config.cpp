// SPDX-License-Identifier: Apache-2.0
#include "hub/hub_config.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include <hallway/bytes.hpp>
#include <hallway/server_url.hpp>
#include <hallway/subject.hpp>

#include "hub/listen_address.hpp"
#include "io/report.hpp"
#include "io/toml.hpp"
#include "io/values.hpp"

namespace hallway::tool {

namespace {

// --- keys and values ----------------------------------------------------------------------------

template <typename Limit>
struct LimitKey {
  std::string_view key;
  Limit HubLimits::* member;
  Read<Limit> (*read)(std::string_view);
};

/// A client's CONNECT line has a few hundred bytes. With a lower limit, no client could connect.
constexpr std::size_t least_control_line = kibibyte;

Read<std::size_t> read_control_line(std::string_view text) {
  auto size = read_size(text);
  if (size && *size < least_control_line) {
    return std::unexpected("must be at least 1K, for the first line of a client");
  }
  return size;
}

constexpr auto size_keys = std::to_array<LimitKey<std::size_t>>({
    {"connections", &HubLimits::max_connections, read_count},
    {"connections_per_uid", &HubLimits::max_connections_per_uid, read_count},
    {"subscriptions_per_uid", &HubLimits::max_subscriptions_per_uid, read_count},
    {"subject_tokens", &HubLimits::max_subject_tokens, read_count},
    {"memory", &HubLimits::max_memory, read_room},
    {"memory_per_uid", &HubLimits::max_memory_per_uid, read_room},
    {"pending_per_subscription", &HubLimits::max_pending_per_subscription, read_room},
    {"max_payload", &HubLimits::max_payload, read_message_size},
    {"control_line", &HubLimits::max_control_line, read_control_line},
    {"outbound", &HubLimits::outbound, read_room},
    {"send_buffer", &HubLimits::send_buffer, read_size},
    {"send_buffers", &HubLimits::send_buffers, read_size},
    {"least_rate", &HubLimits::min_rate, read_size},
});

constexpr auto time_keys = std::to_array<LimitKey<Duration>>({
    {"hold_time", &HubLimits::hold_time, read_time_span},
    {"slow_time", &HubLimits::slow_time, read_duration},
    {"ping_interval", &HubLimits::ping_interval, read_duration},
});

constexpr auto few_keys = std::to_array<LimitKey<unsigned>>({
    {"pings_unanswered", &HubLimits::max_unanswered_pings, read_count_as<unsigned>},
});

Read<std::string> read_text(std::string_view text) { return std::string(text); }

Read<OverflowPolicy> read_delivery(std::string_view text) {
  return read_overflow(text, delivery_policies, '_');
}

Unread not_toml(std::string_view description) {
  std::string why = "not valid TOML: " + printable(description);
  const bool zeros = description.find("leading zero") != std::string_view::npos;
  if (zeros) why += "; modes are written in quotes: mode = \"0600\"";
  return why;
}

// --- reading TOML -------------------------------------------------------------------------------

class Errors {
 public:
  explicit Errors(std::string file) : file_(std::move(file)) {}

  void add(const toml::source_region& where, const std::string& key, const Unread& unread) {
    std::string subject = file_;
    if (where.begin.line != 0) subject += ":" + std::to_string(where.begin.line);
    if (!key.empty()) subject += ": " + key;
    Error error = error_of(std::errc::invalid_argument, "config", subject, unread.why);
    error.hint = unread.hint;
    all_.emplace(where.begin.line, std::move(error));
  }

  [[nodiscard]] ConfigErrors take() {
    ConfigErrors errors;
    for (auto& [line, error] : all_) errors.push_back(std::move(error));
    return errors;
  }
  [[nodiscard]] bool empty() const noexcept { return all_.empty(); }

 private:
  std::string file_;
  std::multimap<toml::source_index, Error> all_;  // by line
};

/// The text of a scalar as a flag would write it; nullopt if no flag could have it.
std::optional<std::string> text_of(const toml::node& node) {
  if (const auto* text = node.as_string()) return text->get();
  if (const auto* number = node.as_integer()) return std::to_string(number->get());
  return std::nullopt;
}

std::string in_words(toml::node_type type) {
  switch (type) {
    case toml::node_type::table: return "a table";
    case toml::node_type::array: return "a list";
    case toml::node_type::boolean: return "true or false";
    case toml::node_type::floating_point: return "a number with a fraction";
    default: return "a date or time";
  }
}

/// A table of the file. After reading all its keys, the caller calls finish().
class Table {
 public:
  Table(const toml::table& table, std::string path, Errors& errors)
      : table_(&table), path_(std::move(path)), errors_(&errors) {}

  /// The value of a key. Also records the key as known.
  const toml::node* find(std::string_view key) {
    known_.push_back(key);
    return table_->get(key);
  }

  /// @return whether the key is present and its value was read into `into`
  template <typename T, typename ReadText>
  bool value(std::string_view key, ReadText read, T& into) {
    const toml::node* node = find(key);
    return node != nullptr && read_into(*node, path_of(key), read, into);
  }

  /// Requires quotes: the digits of a TOML integer would be read as octal here, and TOML also has
  /// octal integers of its own.
  void mode(std::string_view key, unsigned& into) {
    const toml::node* node = find(key);
    if (node == nullptr) return;
    if (!node->is_string())
      return fault(*node, path_of(key), "a mode is written in quotes, as in \"0660\"");
    read_into(*node, path_of(key), read_mode, into);
  }

  void flag(std::string_view key, bool& into) {
    const toml::node* node = find(key);
    if (node == nullptr) return;
    if (const auto* value = node->as_boolean()) {
      into = value->get();
    } else {
      fault(*node, path_of(key), "must be true or false");
    }
  }

  [[nodiscard]] bool has(std::string_view key) const { return table_->contains(key); }

  template <typename T, typename ReadText>
  void list(std::string_view key, ReadText read, std::vector<T>& into) {
    const toml::node* node = find(key);
    if (node == nullptr) return;
    const toml::array* array = node->as_array();
    if (array == nullptr) return fault(*node, path_of(key), "not a list, as in [\"a\", \"b\"]");
    into.clear();
    for (std::size_t i = 0; i < array->size(); ++i) {
      T value;
      if (read_into((*array)[i], place(key, i), read, value)) into.push_back(std::move(value));
    }
  }

  /// Reports an error in the value of a key. Precondition: the key is present.
  void refuse(std::string_view key, const Unread& why) {
    fault(*table_->get(key), path_of(key), why);
  }

  void require(std::string_view key, const std::string& what) {
    if (!has(key)) fault(*table_, path_of(key), "required: " + what);
  }

  /// Requires at least one key. A mistyped one counts here, because finish() reports it.
  void require_any(const std::string& what) {
    if (table_->empty()) fault(*table_, path_, "empty: " + what);
  }

  /// Requires at least one of the two keys.
  void require_either(std::string_view key, std::string_view other, const std::string& what) {
    if (has(key) || has(other)) return;
    fault(*table_, path_of(key), "this or " + std::string(other) + " is required: " + what);
  }

  /// Requires a list that is not empty.
  void require_some(std::string_view key, const std::string& what) {
    const toml::node* node = table_->get(key);
    const toml::array* array = node != nullptr ? node->as_array() : nullptr;
    if (array != nullptr && array->empty()) return fault(*node, path_of(key), "empty: " + what);
    require(key, what);
  }

  /// Reads a table in this one.
  template <typename ReadTable>
  void section(std::string_view key, ReadTable read) {
    const toml::node* node = find(key);
    if (node == nullptr) return;
    if (const toml::table* table = node->as_table()) {
      read(Table(*table, path_of(key), *errors_));
    } else {
      fault(*node, path_of(key), "not a table");
    }
  }

  /// Reads the tables under [[key]].
  template <typename ReadTable>
  void sections(std::string_view key, ReadTable read) {
    const toml::node* node = find(key);
    if (node == nullptr) return;
    const toml::array* array = node->as_array();
    if (array == nullptr) {
      return fault(*node, path_of(key), "not a list of tables: write [[" + path_of(key) + "]]");
    }
    for (std::size_t i = 0; i < array->size(); ++i) {
      const toml::node& element = (*array)[i];
      if (const toml::table* table = element.as_table()) {
        read(Table(*table, place(key, i), *errors_));
      } else {
        fault(element, place(key, i), "not a table");
      }
    }
  }

  /// Reports the keys that were not read.
  void finish() {
    for (const auto& [key, node] : *table_) {
      if (std::ranges::find(known_, key.str()) != known_.end()) continue;
      std::string names;
      for (const std::string_view known : known_) {
        names += (names.empty() ? "" : ", ") + std::string(known);
      }
      errors_->add(key.source(), path_of(key.str()), "not a key (" + names + ")");
    }
  }

 private:
  [[nodiscard]] std::string path_of(std::string_view key) const {
    return (path_.empty() ? "" : path_ + ".") + std::string(key);
  }
  [[nodiscard]] std::string place(std::string_view key, std::size_t index) const {
    return path_of(key) + "[" + std::to_string(index) + "]";
  }

  void fault(const toml::node& node, const std::string& path, const Unread& unread) {
    errors_->add(node.source(), path, unread);
  }

  template <typename T, typename ReadText>
  bool read_into(const toml::node& node, const std::string& path, ReadText read, T& into) {
    const auto text = text_of(node);
    if (!text) {
      fault(node, path, in_words(node.type()) + ", not a text or a whole number");
      return false;
    }
    auto value = read(*text);
    if (!value) {
      // A URL may contain a password.
      const bool is_url = text->contains("://");
      const std::string shown = is_url ? ServerUrl::without_secrets(*text) : *text;
      value.error().why.insert(0, '"' + printable(shown) + "\": ");
      fault(node, path, value.error());
      return false;
    }
    into = std::move(*value);
    return true;
  }

  const toml::table* table_;
  std::string path_;
  Errors* errors_;
  std::vector<std::string_view> known_;
};

// --- sections of the file -----------------------------------------------------------------------

void read_hub(Table table, HubConfig& config) {
  HubOptions& hub = config.hub;
  Address address;
  if (table.value("address", read_listening_address, address)) config.address = address;
  table.value("name", read_text, hub.name);
  table.mode("mode", hub.file.mode);
  table.value("owner", read_user_name, hub.file.owner);
  table.value("group", read_group_name, hub.file.group);
  table.list("allow", read_allow_rule, hub.rules.allow);
  table.list("stamped", read_pattern, hub.rules.stamped);
  table.value("on_path_lost", read_path_lost, hub.on_path_lost);
  table.flag("takeover", hub.takeover);
  table.flag("sandbox", config.sandbox);
  table.value("backlog", read_count_as<int>, hub.backlog);
  table.list("listen", read_listen_address, hub.listen);
  table.flag("listen_anywhere", hub.listen_anywhere);
  if (const auto twice = given_twice(hub.listen)) {
    table.refuse("listen", '"' + printable(*twice) + "\" is given twice");
  }
  const auto outside = reachable_from_outside(hub.listen);
  if (outside && !hub.listen_anywhere) {
    Unread why = refused_from_outside();
    why.why.insert(0, '"' + printable(*outside) + "\": ");
    table.refuse("listen", why);
  }
  table.finish();
}

void read_limits(Table table, HubLimits& limits) {
  const auto read_all = [&](const auto& keys) {
    for (const auto& limit : keys) table.value(limit.key, limit.read, limits.*limit.member);
  };
  read_all(size_keys);
  read_all(time_keys);
  read_all(few_keys);
  table.finish();
}

void read_metrics(Table table, MetricsConfig& metrics) {
  MetricsAddress address;
  if (table.value("address", read_metrics_address, address)) metrics.address = address;
  table.mode("mode", metrics.file.mode);
  table.value("owner", read_user_name, metrics.file.owner);
  table.value("group", read_group_name, metrics.file.group);
  table.value("subscriptions", read_count, metrics.subscriptions);
  table.finish();
}

Read<OverflowPolicy> read_link_overflow(std::string_view text) {
  return read_overflow(text, link_policies, '_');
}

void read_tls(Table table, LinkTls& tls) {
  table.flag("required", tls.required);
  table.value("ca", read_text, tls.ca);
  table.value("certificate", read_text, tls.certificate);
  table.value("key", read_text, tls.key);
  table.finish();
}

/// A `first_wait` above `most_wait` is an error, unless it is the default, which is lowered.
void check_waits(Table& table, hub::Reconnect& waits) {
  if (waits.first_wait <= waits.max_wait) return;
  if (table.has("first_wait")) {
    table.refuse("first_wait", "longer than most_wait, " + write_duration(waits.max_wait));
  }
  waits.first_wait = waits.max_wait;
}

/// Reads the keys that a link and its accounts have in common.
template <typename Credentials>
void read_credentials(Table& table, Credentials& into) {
  table.value("name", read_text, into.name);
  table.value("user", read_text, into.user);
  table.value("password", read_text, into.password);
  table.value("token", read_text, into.token);
  table.value("credentials", read_text, into.credentials);
  // Without the value, which may be a secret.
  for (const auto& [key, text] : {std::pair("name", &into.name),
                                  {"user", &into.user},
                                  {"password", &into.password},
                                  {"token", &into.token}}) {
    if (!can_be_sent(*text)) {
      table.refuse(key, "a control byte, a \" or a \\ cannot be sent by libnats");
    }
  }
}

/// A link gets the uid of a publisher from the hub, but not its groups.
Read<AllowRule> read_publisher_rule(std::string_view text) {
  auto rule = read_allow_rule(text);
  if (rule && rule->kind == AllowRule::Kind::gid) {
    Unread refused("a link knows the uid of a publisher, not its groups");
    refused.hint = "name the users, as in \"uid:alice\"";
    return std::unexpected(std::move(refused));
  }
  return rule;
}

LinkAccount read_account(Table table) {
  LinkAccount account;
  table.list("who", read_publisher_rule, account.who);
  table.require_some("who", "the publishers of the account, as in [\"uid:alice\"]");
  read_credentials(table, account);
  if (!table.has("token") && !table.has("credentials")) {
    table.require("user", "or token or credentials: what proves the account to the servers");
  }
  table.finish();
  return account;
}

void check_accounts(Table& table, const std::vector<LinkAccount>& accounts) {
  if (accounts.size() > max_link_accounts) {
    table.refuse("as", fmt::format("{} accounts, more than a link may have: {}", accounts.size(),
                                   max_link_accounts));
  }
  const auto for_all = std::ranges::find_if(accounts, &LinkAccount::is_for_all);
  if (for_all != accounts.end() && for_all + 1 != accounts.end()) {
    table.refuse("as", fmt::format("\"{}\" has every publisher, so no account behind it is used",
                                   printable(for_all->shown_name())));
  }
  std::set<std::string> names;
  for (const LinkAccount& account : accounts) {
    const std::string name = account.shown_name();
    if (name.empty() || names.insert(name).second) continue;
    table.refuse("as", "two accounts are named \"" + printable(name) + '"');
  }
}

LinkOptions read_link(Table table) {
  LinkOptions link;
  table.list("urls", read_server_url, link.urls);
  table.require_some("urls", "the servers, as in [\"nats://127.0.0.1:4222\"]");
  table.list("exports", read_link_pattern, link.exports);
  table.list("always", read_link_pattern, link.always);
  table.list("imports", read_link_pattern, link.imports);
  read_credentials(table, link);
  table.sections("as",
                 [&](Table account) { link.accounts.push_back(read_account(std::move(account))); });
  check_accounts(table, link.accounts);
  table.section("tls", [&](Table tls) { read_tls(std::move(tls), link.tls); });
  table.value("first_wait", read_duration, link.reconnect.first_wait);
  table.value("most_wait", read_time_span, link.reconnect.max_wait);
  check_waits(table, link.reconnect);
  table.value("connect_time", read_time_span, link.connect_time);
  table.value("heartbeat", read_time_span, link.heartbeat);
  table.value("outbound", read_room, link.outbound);
  table.flag("keep_while_away", link.keep_while_away);
  table.value("full", read_link_overflow, link.overflow);
  table.value("inbound", read_room, link.inbound);
  table.finish();
  return link;
}

/// All settings of a link that a config file can contain, apart from its accounts.
auto settings_of(const LinkOptions& link) {
  const LinkTls& tls = link.tls;
  return std::tie(link.urls, link.exports, link.always, link.imports, link.name, link.user,
                  link.password, link.token, link.credentials, tls.required, tls.ca,
                  tls.certificate, tls.key, link.reconnect.first_wait, link.reconnect.max_wait,
                  link.connect_time, link.heartbeat, link.outbound, link.keep_while_away,
                  link.overflow, link.inbound);
}

bool same_account(const LinkAccount& one, const LinkAccount& other) {
  const auto same_rule = [](const AllowRule& mine, const AllowRule& yours) {
    return mine.to_string() == yours.to_string();
  };
  return std::tie(one.name, one.user, one.password, one.token, one.credentials) ==
             std::tie(other.name, other.user, other.password, other.token, other.credentials) &&
         std::ranges::equal(one.who, other.who, same_rule);
}

bool same_link(const std::optional<LinkOptions>& one, const std::optional<LinkOptions>& other) {
  if (!one || !other) return one.has_value() == other.has_value();
  return settings_of(*one) == settings_of(*other) &&
         std::ranges::equal(one->accounts, other->accounts, same_account);
}

void read_subjects(Table table, SubjectLists& lists) {
  std::vector<std::string> allow;
  table.list("allow", read_pattern, allow);
  if (table.has("allow")) lists.allow = std::move(allow);
  table.list("deny", read_pattern, lists.deny);
  table.require_any("allow or deny, with subjects as in [\"news.>\"]");
  table.finish();
}

PermissionRule read_permission(Table table) {
  PermissionRule rule;
  table.list("who", read_allow_rule, rule.who);
  table.require_some("who", "the users of the rule, as in [\"group:staff\"]");
  table.section("publish", [&](Table lists) { read_subjects(std::move(lists), rule.publish); });
  table.section("subscribe", [&](Table lists) { read_subjects(std::move(lists), rule.subscribe); });
  // A file that was truncated in the middle of a rule must not pass for a rule without lists.
  table.require_either("publish", "subscribe", "what the rule allows or denies");
  table.finish();
  return rule;
}

DeliveryRule read_delivery_rule(Table table) {
  DeliveryRule rule;
  table.list("subjects", read_pattern, rule.subjects);
  table.require_some("subjects", "the subscriptions of the rule, as in [\"log.>\"]");
  table.list("who", read_allow_rule, rule.who);
  table.value("policy", read_delivery, rule.overflow);
  table.require("policy", "what happens when a queue is full, as in \"drop_oldest\"");
  std::size_t pending = 0;
  if (table.value("pending", read_room, pending)) rule.pending = pending;
  table.finish();
  return rule;
}

Read<std::string> read_retain_pattern(std::string_view text) {
  auto pattern = read_pattern(text);
  if (!pattern) return pattern;
  if (internal_part_of(*pattern) != InternalPart::all && !text.starts_with("_INBOX."))
    return pattern;
  return std::unexpected(
      "matches no subject that can be retained: those below _INBOX, $SYS and _HALLWAY are not");
}

RetainRule read_retain_rule(Table table) {
  RetainRule rule;
  RetainLimits& limits = rule.limits;
  table.list("subjects", read_retain_pattern, rule.subjects);
  table.require_some("subjects", "those that keep their last value, as in [\"state.>\"]");
  table.value("most", read_count, limits.max_values);
  table.value("most_per_uid", read_count, limits.max_values_per_uid);
  table.value("memory", read_room, limits.max_memory);
  table.value("memory_per_uid", read_room, limits.max_memory_per_uid);
  table.finish();
  return rule;
}

HubConfig read_config(Table table) {
  HubConfig config;
  HubRules& rules = config.hub.rules;
  table.section("hub", [&](Table hub) { read_hub(std::move(hub), config); });
  table.section("limits", [&](Table limits) { read_limits(std::move(limits), config.hub.limits); });
  table.section("metrics",
                [&](Table metrics) { read_metrics(std::move(metrics), config.metrics); });
  table.section("link", [&](Table link) { config.link = read_link(std::move(link)); });
  table.sections("permissions", [&](Table rule) {
    rules.permissions.push_back(read_permission(std::move(rule)));
  });
  table.sections("delivery", [&](Table rule) {
    rules.delivery.push_back(read_delivery_rule(std::move(rule)));
  });
  table.sections("retain",
                 [&](Table rule) { rules.retain.push_back(read_retain_rule(std::move(rule))); });
  table.finish();
  return config;
}

// --- limit of nesting ---------------------------------------------------------------------------

/// Far above what is needed: keys of a hub's config have three parts at most.
constexpr std::size_t max_dots = 16;

/// Finds the first line with more than `max_dots` dots outside of strings and comments. toml++
/// bounds the nesting of values, but not the number of parts of a key. Each part is a nested table,
/// and destroying nested tables recurses, so a long key could overflow the stack.
class DeepKeyScan {
 public:
  static std::optional<std::size_t> line_in(std::string_view text) {
    DeepKeyScan scan;
    for (const char letter : text) {
      scan.step(letter);
      if (scan.dots_ > max_dots) return scan.line_;
    }
    return std::nullopt;
  }

 private:
  explicit DeepKeyScan(std::size_t line = 1) : line_(line) {}

  void step(char letter) {
    if (letter == '\n') {
      // A config needs no multi-line strings. Each line of one is scanned as if it stood alone.
      *this = DeepKeyScan(line_ + 1);
    } else if (comment_ || std::exchange(escaped_, false)) {
      return;
    } else if (quote_ != '\0') {
      escaped_ = quote_ == '"' && letter == '\\';
      if (letter == quote_) quote_ = '\0';
    } else if (letter == '"' || letter == '\'') {
      quote_ = letter;
    } else if (letter == '#') {
      comment_ = true;
    } else if (letter == '.') {
      ++dots_;
    }
  }

  std::size_t line_;
  std::size_t dots_ = 0;
  char quote_ = '\0';
  bool comment_ = false;
  bool escaped_ = false;
};

}  // namespace

std::expected<HubConfig, ConfigErrors> parse_hub_config(std::string_view text,
                                                        const std::string& name) {
  Errors errors(name);
  HubConfig config;
  if (const auto deep = DeepKeyScan::line_in(text)) {
    const auto line = static_cast<toml::source_index>(*deep);
    errors.add({.begin = {line, 1}, .end = {line, 1}, .path = {}}, "", "a key has too many parts");
    return std::unexpected(errors.take());
  }
  try {
    const toml::table file = toml::parse(text);
    config = read_config(Table(file, "", errors));
  } catch (const toml::parse_error& error) {
    errors.add(error.source(), "", not_toml(error.description()));
  } catch (const TomlBug&) {
    errors.add({}, "", "not valid TOML: check the brackets and keys");
  }
  if (!errors.empty()) return std::unexpected(errors.take());
  return config;
}

std::expected<HubConfig, ConfigErrors> read_hub_config(const std::string& path, ConfigRead when) {
  auto text = read_config_file(path, when);
  if (!text) return std::unexpected(ConfigErrors{std::move(text.error())});
  auto config = parse_hub_config(*text, path);
  if (config) config->blank = is_blank(*text);
  return config;
}

std::vector<std::string> fixed_differences(const HubConfig& one, const HubConfig& other) {
  std::vector<std::string> keys;
  const auto compare = [&keys](const std::string& key, const auto& mine, const auto& yours) {
    if (mine != yours) keys.push_back(key);
  };
  const auto compare_limits = [&](const auto& all) {
    for (const auto& limit : all) {
      compare("limits." + std::string(limit.key), one.hub.limits.*limit.member,
              other.hub.limits.*limit.member);
    }
  };
  compare("hub.address", one.address, other.address);
  compare("hub.name", one.hub.name, other.hub.name);
  compare("hub.mode", one.hub.file.mode, other.hub.file.mode);
  compare("hub.owner", one.hub.file.owner, other.hub.file.owner);
  compare("hub.group", one.hub.file.group, other.hub.file.group);
  compare("hub.on_path_lost", one.hub.on_path_lost, other.hub.on_path_lost);
  compare("hub.takeover", one.hub.takeover, other.hub.takeover);
  compare("hub.sandbox", one.sandbox, other.sandbox);
  compare("hub.backlog", one.hub.backlog, other.hub.backlog);
  compare("hub.listen", one.hub.listen, other.hub.listen);
  compare("hub.listen_anywhere", one.hub.listen_anywhere, other.hub.listen_anywhere);
  compare_limits(size_keys);
  compare_limits(time_keys);
  compare_limits(few_keys);
  compare("metrics.address", one.metrics.address, other.metrics.address);
  compare("metrics.mode", one.metrics.file.mode, other.metrics.file.mode);
  compare("metrics.owner", one.metrics.file.owner, other.metrics.file.owner);
  compare("metrics.group", one.metrics.file.group, other.metrics.file.group);
  compare("metrics.subscriptions", one.metrics.subscriptions, other.metrics.subscriptions);
  if (!same_link(one.link, other.link)) keys.emplace_back("link");
  return keys;
}

}  // namespace hallway::tool
