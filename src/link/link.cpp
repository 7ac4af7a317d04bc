// SPDX-License-Identifier: Apache-2.0
#include <hallway/link.hpp>

#include <algorithm>
#include <chrono>
#include <set>
#include <string>
#include <utility>

#include <hallway/detail/race.hpp>
#include <hallway/server_url.hpp>

#include "core/check_overflow.hpp"
#include "core/number.hpp"
#include "core/random.hpp"
#include "link/cluster.hpp"
#include "link/interest.hpp"
#include "link/interest_gossip.hpp"
#include "link/remote_hubs.hpp"
#include "link/reply_subjects.hpp"
#include "subject/reserved_subjects.hpp"
#include "subject/subject.hpp"

namespace hallway {

namespace {

using link::ForwardedMessage;

constexpr const char* origin_field = "Hallway-Origin";
constexpr const char* cluster_origin = "nats";

/// Minimum time between two reports of refused messages.
constexpr Duration report_pause = std::chrono::seconds(1);

/// Interval at which the end of a link checks whether everything has been sent.
constexpr Duration ending_pause = std::chrono::milliseconds(5);

/// Heartbeats without a gossip message after which another hub counts as gone.
constexpr int silent_heartbeats = 3;

/// Whether a message published to this subject could be meant for servers, links or hubs
/// themselves. The reply subjects that they hand out are not reserved: those for JetStream's
/// acknowledgements and flow control, and for answers to another hub.
bool is_reserved_reply(ByteView subject) noexcept {
  if (subject.starts_with("$JS.ACK.") || subject.starts_with("$JS.FC.")) return false;
  if (subject.starts_with(hub::link_reply_prefix)) return false;
  return subject.starts_with('$') || subject.starts_with(hub::link_prefix);
}

/// The reply subject of a message from the hub. The hub puts the identity of the requester in front
/// of it, and needs it back with the answer. If the link has accounts, the hub also puts the uid of
/// the publisher in front of that.
struct AskedReply {
  ByteView whole;
  ByteView subject;                  ///< as the publisher wrote it
  std::optional<std::uint32_t> uid;  ///< of the publisher

  static AskedReply of(ByteView reply) noexcept {
    std::optional<std::uint32_t> uid;
    if (reply.starts_with(hub::by_prefix)) {
      reply.remove_prefix(hub::by_prefix.size());
      uid = core::take_number<std::uint32_t>(reply);
      if (reply.starts_with('.')) reply.remove_prefix(1);
    }
    AskedReply asked{reply, reply, uid};
    if (!reply.starts_with(hub::asked_prefix)) return {{}, {}, uid};
    asked.subject.remove_prefix(hub::asked_prefix.size());
    for (int token = 0; token < 2; ++token) {  // the hub, and the connection
      const std::size_t dot = asked.subject.find('.');
      if (dot == ByteView::npos) return {{}, {}, uid};
      asked.subject.remove_prefix(dot + 1);
    }
    return asked;
  }
};

Error wrong(std::string subject, std::string reason, std::string hint = {}) {
  return {.code = std::make_error_code(std::errc::invalid_argument),
          .operation = "link",
          .subject = std::move(subject),
          .reason = std::move(reason),
          .hint = std::move(hint)};
}

Result<void> check(const std::vector<std::string>& patterns, ByteView list) {
  for (const std::string& pattern : patterns) {
    if (is_subject_pattern(pattern)) continue;
    return std::unexpected(hub::not_a_pattern(pattern, "link", std::string(list)));
  }
  for (const std::string& pattern : patterns) {
    if (internal_part_of(pattern) != InternalPart::all) continue;
    return std::unexpected(wrong(
        std::string(list), '"' + printable(pattern) + "\" matches no subject that a link forwards",
        "subjects below $SYS and _HALLWAY are not forwarded"));
  }
  return {};
}

/// Checks what LinkOptions and LinkAccount have in common.
template <typename Credentials>
Result<void> check_sendable(const Credentials& from, const std::string& prefix) {
  for (const auto& [text, what] : {std::pair(&from.name, "name"),
                                   {&from.user, "user"},
                                   {&from.password, "password"},
                                   {&from.token, "token"}}) {
    if (can_be_sent(*text)) continue;
    return std::unexpected(
        wrong(prefix + what, "a control byte, a \" or a \\ cannot be sent by libnats"));
  }
  return {};
}

/// Completes the accounts: resolves their rules, and names those that have no name.
Result<void> prepare_accounts(std::vector<LinkAccount>& accounts) {
  if (accounts.size() > max_link_accounts) {
    return std::unexpected(
        wrong("accounts", std::to_string(accounts.size()) +
                              ", more than a link may have: " + std::to_string(max_link_accounts)));
  }
  std::set<std::string> names;
  for (std::size_t i = 0; i < accounts.size(); ++i) {
    LinkAccount& account = accounts[i];
    const std::string place = "accounts[" + std::to_string(i) + "].";
    if (account.who.empty()) return std::unexpected(wrong(place + "who", "no rule is given"));
    account.name = account.shown_name();
    for (AllowRule& rule : account.who) {
      if (rule.kind == AllowRule::Kind::gid) {
        return std::unexpected(wrong(place + "who",
                                     '"' + printable(rule.to_string()) +
                                         "\": a link knows the uid of a publisher, not its groups",
                                     "name the users, as in \"uid:alice\""));
      }
      auto resolved = rule.resolved();
      if (!resolved) return std::unexpected(std::move(resolved.error()));
      rule = std::move(*resolved);
    }
    if (!names.insert(account.name).second) {
      return std::unexpected(wrong(
          place + "name", '"' + printable(account.name) + "\" is the name of another account"));
    }
    if (account.user.empty() && account.token.empty() && account.credentials.empty()) {
      return std::unexpected(wrong(place + "user", "no user, token or credentials are given"));
    }
    if (i > 0 && accounts[i - 1].is_for_all()) {
      return std::unexpected(
          wrong(place + "who", "never used: the account before it has every publisher"));
    }
    if (auto checked = check_sendable(account, place); !checked) return checked;
  }
  return {};
}

/// The options of the connection of an account.
LinkOptions with_account(LinkOptions options, const LinkAccount& account) {
  // libnats prefers the user in a URL to the one in its options.
  for (std::string& url : options.urls) url = ServerUrl::without_secrets(url);
  options.accounts.clear();
  options.name += " (" + account.name + ')';
  options.user = account.user;
  options.password = account.password;
  options.token = account.token;
  options.credentials = account.credentials;
  return options;
}

Result<void> check(const LinkOptions& options) {
  if (options.urls.empty()) {
    return std::unexpected(wrong("urls", "no server is given", "such as nats://127.0.0.1:4222"));
  }
  for (const std::string& url : options.urls) {
    if (const auto read = ServerUrl::parse(url); !read) return std::unexpected(read.error());
  }
  if (auto checked = check_sendable(options, ""); !checked) return checked;
  if (options.heartbeat <= Duration::zero() || options.connect_time <= Duration::zero()) {
    return std::unexpected(wrong("heartbeat, connect_time", "both must be above 0"));
  }
  if (options.reconnect.first_wait > options.reconnect.max_wait) {
    return std::unexpected(wrong("first_wait", "longer than max_wait"));
  }
  if (auto checked = core::check_overflow(options.overflow, link_policies, "a link's messages");
      !checked) {
    return checked;
  }
  if (options.tls.certificate.empty() != options.tls.key.empty()) {
    return std::unexpected(wrong("tls", "a certificate needs its key, and a key its certificate"));
  }
  for (const auto& [patterns, list] : {std::pair(&options.exports, ByteView("exports")),
                                       {&options.always, ByteView("always")},
                                       {&options.imports, ByteView("imports")}}) {
    if (auto checked = check(*patterns, list); !checked) return checked;
  }
  return {};
}

}  // namespace

class Link::Core final : public std::enable_shared_from_this<Core> {
 public:
  Core(Loop& loop, hub::Client hub, LinkOptions options, std::string id, std::string known_as);
  Core(const Core&) = delete;
  Core& operator=(const Core&) = delete;
  ~Core() = default;

  Result<void> begin();
  Task<> take_place();
  void end();
  void hub_went_away();
  [[nodiscard]] LinkStatistics statistics() const;
  [[nodiscard]] LinkProgress progress() const;

 private:
  /// A connection to the cluster: the link's own, or that of one of LinkOptions::accounts.
  class Account final : private link::Cluster::Observer {
   public:
    /// @param options  nullptr: the link's own connection
    Account(Core& core, std::string id, const LinkAccount* options);

    Result<void> subscribe();  // in the hub, to the answers that leave on this connection
    void connect();
    void end();
    [[nodiscard]] LinkStatistics statistics() const {
      return cluster ? cluster->statistics() : at_the_end;
    }
    [[nodiscard]] bool is_own() const noexcept { return as == nullptr; }
    /// The reply subject that the cluster gets for one of the hub.
    [[nodiscard]] std::string outward_reply(const AskedReply& reply) const {
      return reply.subject.empty() ? std::string() : from_cluster.seal(reply.whole);
    }

    Core& core;
    const LinkAccount* const as;
    const std::string id;
    // For answers that return from the cluster, and for answers that return to it.
    const link::ReplySubjects from_cluster{id, {core::random_number(), core::random_number()}};
    const link::ReplySubjects to_cluster{id, {core::random_number(), core::random_number()}};
    std::optional<hub::Subscription> answers;
    bool importing = false;
    bool ended = false;  // the cluster has sent all it could
    LinkStatistics at_the_end;
    std::unique_ptr<link::Cluster> cluster;

   private:
    void changed(const LinkEvent& event) override;
    void arrived() override;
    void heartbeat(Loop::Clock::time_point now) override;
    void finished() override { ended = true; }
  };

  /// An exported pattern. It is subscribed to while another hub wants part of it, or always.
  struct Export {
    std::string pattern;
    bool always = false;
    std::shared_ptr<hub::Subscription> subscription = {};  // shared with its task
  };

  [[nodiscard]] Account& own() const { return *accounts_.front(); }
  [[nodiscard]] Account* account_of(const AskedReply& reply);
  [[nodiscard]] std::uint64_t dropped_on_the_way() const;
  void offer(Account& account, ForwardedMessage message);

  // From the hub
  Task<> follow_interest();
  Task<> export_message(std::shared_ptr<hub::Subscription> from);
  Task<> export_answers(Account& account);
  void receive_interest(ByteView lines);
  void want(ByteView subject, bool wanted);
  void follow_remote_hubs();
  void leave(const hub::Message& message);
  void leave_as_answer(Account& account, const hub::Message& answer);

  // From the cluster
  void heartbeat(Loop::Clock::time_point now);
  Task<> import_message(Account& account);
  [[nodiscard]] const char* reason_against(const Account& account,
                                           const ForwardedMessage& message) const;
  void refuse(const ForwardedMessage& message, const char* reason);
  void receive_gossip(const ForwardedMessage& message);
  Task<> enter(Account& account, ForwardedMessage message);

  [[nodiscard]] std::vector<std::pair<std::string, std::string>> marked_header(
      const hub::Message& message) const;

  Task<> drain();

  /// One event or gossip message may name a thousand patterns, so other tasks run after each.
  [[nodiscard]] static detail::Pause yield() { return detail::Pause(Duration::zero()); }

  Loop& loop_;
  const LinkOptions options_;
  const std::string id_;
  const std::string known_as_;  // the link id that the hub knows
  const std::string group_ = std::string(hub::link_group_prefix) + id_;
  std::string hub_id_;
  std::vector<Export> exports_;
  std::set<std::string, std::less<>> local_;  // patterns subscribed to in the hub
  link::Interest wanted_;                     // their intersection with the imports
  link::RemoteHubs remote_hubs_;
  std::uint64_t in_ = 0;
  std::uint64_t dropped_in_ = 0;
  std::uint64_t loops_stopped_ = 0;
  std::uint64_t dropped_out_ = 0;
  std::uint64_t unattributed_ = 0;  // dropped because the hub did not report the publisher
  std::uint64_t refused_in_ = 0;
  std::uint64_t refused_out_ = 0;
  std::uint64_t taken_ = 0;           // messages from the hub
  std::uint64_t offered_ = 0;         // messages passed to the cluster
  std::uint64_t settled_before_ = 0;  // by the predecessor, of those the hub reports as missed
  bool hub_was_away_ = false;
  Loop::Clock::time_point next_report_;  // of refused messages
  bool draining_ = false;
  bool reported_unknown_publisher_ = false;
  std::optional<hub::Subscription> interest_;
  hub::Client hub_;
  // The link's own, then those of options_.accounts in their order. Never empty.
  std::vector<std::unique_ptr<Account>> accounts_;
  Loop::DrainCallback on_drain_;
};

Link::Core::Core(Loop& loop, hub::Client hub, LinkOptions options, std::string id,
                 std::string known_as)
    : loop_(loop),
      options_(std::move(options)),
      id_(std::move(id)),
      known_as_(std::move(known_as)),
      remote_hubs_(options_.exports),
      hub_(std::move(hub)) {
  for (const std::string& pattern : options_.always) exports_.push_back({pattern, true});
  for (const std::string& pattern : options_.exports) exports_.push_back({pattern});
  accounts_.push_back(std::make_unique<Account>(*this, id_, nullptr));
  for (const LinkAccount& account : options_.accounts) {
    // An id of its own: two accounts here may be one account of the servers.
    accounts_.push_back(std::make_unique<Account>(*this, core::random_base32(20), &account));
  }
}

Link::Core::Account::Account(Core& its_core, std::string its_id, const LinkAccount* options)
    : core(its_core), as(options), id(std::move(its_id)) {}

Result<void> Link::Core::Account::subscribe() {
  auto made = core.hub_.subscribe(to_cluster.pattern());
  if (!made) return std::unexpected(std::move(made.error()));
  answers.emplace(std::move(*made));
  return {};
}

void Link::Core::Account::connect() {
  link::Cluster::Observer& observer = *this;
  cluster = std::make_unique<link::Cluster>(
      core.loop_, is_own() ? core.options_ : with_account(core.options_, *as),
      link::Cluster::Role{id, from_cluster.pattern(), is_own() ? std::string() : as->name},
      observer);
  core.loop_.spawn(core.export_answers(*this));
}

void Link::Core::Account::end() {
  if (!cluster) return;
  at_the_end = cluster->statistics();
  at_the_end.up = false;
  cluster.reset();
  ended = true;
}

Result<void> Link::Core::begin() {
  // No interest event may be lost, so the hub waits when this subscription's queue is full.
  auto interest = hub_.subscribe(hub::interest_subject, {.overflow = OverflowPolicy::wait});
  if (!interest) return std::unexpected(std::move(interest.error()));
  interest_.emplace(std::move(*interest));
  for (const auto& account : accounts_) {
    if (auto subscribed = account->subscribe(); !subscribed) return subscribed;
  }
  for (const auto& account : accounts_) account->connect();
  loop_.spawn(follow_interest());
  follow_remote_hubs();
  on_drain_ = loop_.on_drain([this] { loop_.spawn(drain()); });
  return {};
}

/// The hub treats this link as its predecessor. It reports as missed all messages that it gave to
/// the predecessor, and all that were published since. The predecessor has counted some of the
/// former already.
Task<> Link::Core::take_place() {
  const auto self = shared_from_this();
  // The hub's report arrives before its answer to the flush. If the hub has gone away, there is no
  // report.
  (void)co_await hub_.flush();
  settled_before_ = std::min(options_.predecessor.settled, interest_->dropped());
}

void Link::Core::end() {
  on_drain_ = {};
  hub_.close();
  for (const auto& account : accounts_) {
    if (account->cluster) account->cluster->stop();
  }
  for (const auto& account : accounts_) account->end();
}

/// While the loop drains, the client does not reconnect.
void Link::Core::hub_went_away() {
  hub_was_away_ = true;
  if (draining_) hub_.close();
}

LinkStatistics Link::Core::statistics() const {
  LinkStatistics all = own().statistics();
  for (const auto& account : accounts_) {
    if (account->is_own()) continue;
    const LinkStatistics one = account->statistics();
    for (const auto count :
         {&LinkStatistics::out, &LinkStatistics::dropped_out, &LinkStatistics::dropped_in,
          &LinkStatistics::unconfirmed, &LinkStatistics::kept, &LinkStatistics::connects}) {
      all.*count += one.*count;
    }
    all.accounts.push_back({.name = account->as->name,
                            .out = one.out,
                            .dropped_out = one.dropped_out,
                            .unconfirmed = one.unconfirmed,
                            .kept = one.kept,
                            .connects = one.connects,
                            .up = one.up});
  }
  all.in += in_;
  all.dropped_in += dropped_in_;
  all.refused_in += refused_in_;
  all.refused_out += refused_out_;
  all.loops_stopped += loops_stopped_;
  all.dropped_out += unattributed_ + dropped_on_the_way();
  // Messages published while the hub had no connection to this link.
  if (interest_) all.dropped_out += interest_->dropped() - settled_before_;
  return all;
}

/// Messages dropped because a queue in the hub or here was full.
std::uint64_t Link::Core::dropped_on_the_way() const {
  std::uint64_t dropped = dropped_out_;
  for (const Export& one : exports_) {
    if (one.subscription) dropped += one.subscription->dropped();
  }
  for (const auto& account : accounts_) {
    if (account->answers) dropped += account->answers->dropped();
  }
  return dropped;
}

LinkProgress Link::Core::progress() const {
  LinkProgress progress{.id = known_as_};
  if (hub_was_away_) return progress;
  std::uint64_t known = 0;
  for (const auto& account : accounts_) {
    const LinkStatistics one = account->statistics();
    known += one.out + one.unconfirmed + one.dropped_out;
  }
  const std::uint64_t unknown = offered_ - std::min(offered_, known);
  progress.settled = taken_ - std::min(taken_, unknown) + dropped_on_the_way();
  return progress;
}

// From the hub -----------------------------------------------------------------------------------

Task<> Link::Core::follow_interest() {
  const auto self = shared_from_this();
  while (const hub::Received changes = co_await interest_->receive()) {
    receive_interest(changes->payload());
    co_await yield();
  }
}

void Link::Core::receive_interest(ByteView lines) {
  while (!lines.empty()) {
    const std::size_t size = lines.find('\n');
    const ByteView line = lines.substr(0, size);
    lines.remove_prefix(std::min(lines.size(), line.size() + 1));
    if (line.empty()) continue;
    const ByteView subject = line.substr(1);
    if (line.front() == '=') {
      hub_id_ = subject;
      for (const std::string& one : std::exchange(local_, {})) want(one, false);
    } else if (line.front() == '+') {
      if (local_.emplace(subject).second) want(subject, true);
    } else if (const auto found = local_.find(subject); found != local_.end()) {
      local_.erase(found);
      want(std::string(subject), false);
    }
  }
}

/// A subject pattern gained its first subscription in the hub, or lost its last one.
void Link::Core::want(ByteView subject, bool wanted) {
  if (hub::is_internal(subject)) return;
  for (const std::string& pattern : options_.imports) {
    const auto common = subjects_in_common(pattern, subject);
    if (!common) continue;
    const bool changed = wanted ? wanted_.add(*common) : wanted_.remove(*common);
    if (changed && own().cluster) own().cluster->want(*common, wanted);
  }
}

/// Subscribes to the exports that another hub may want, and unsubscribes from the others.
void Link::Core::follow_remote_hubs() {
  for (Export& one : exports_) {
    const bool needed = one.always || remote_hubs_.want_some_of(one.pattern);
    if (needed == (one.subscription != nullptr)) continue;
    if (!needed) {
      dropped_out_ += one.subscription->dropped();
      one.subscription->unsubscribe();
      one.subscription.reset();
      continue;
    }
    // Members of one queue group receive each message once, even if exports overlap.
    auto made = hub_.subscribe(one.pattern, {.queue = group_});
    if (!made) continue;  // the link ends
    one.subscription = std::make_shared<hub::Subscription>(std::move(*made));
    loop_.spawn(export_message(one.subscription));
  }
}

Task<> Link::Core::export_message(std::shared_ptr<hub::Subscription> from) {
  const auto self = shared_from_this();
  while (const hub::Received message = co_await from->receive()) leave(*message);
}

/// The connection that a message of this publisher leaves on; nullptr if it is not to leave.
Link::Core::Account* Link::Core::account_of(const AskedReply& reply) {
  if (options_.accounts.empty()) return &own();
  if (reply.uid) {
    Peer publisher;
    publisher.uid = *reply.uid;
    for (const auto& account : accounts_) {
      if (account->is_own()) continue;
      const auto admits = [&](const AllowRule& rule) { return rule.admits(publisher, {}); };
      if (std::ranges::any_of(account->as->who, admits)) return account.get();
    }
    return &own();
  }
  // Leaving under the link's own credentials could show it to the wrong account.
  ++unattributed_;
  if (!std::exchange(reported_unknown_publisher_, true) && options_.on_event) {
    options_.on_event(
        {.kind = LinkEvent::Kind::complaint,
         .about = wrong("accounts", "the hub does not report who publishes: messages are dropped",
                        "update the hub: it is older than its link")});
  }
  return nullptr;
}

void Link::Core::offer(Account& account, ForwardedMessage message) {
  ++offered_;
  account.cluster->offer(std::move(message));
}

void Link::Core::leave(const hub::Message& message) {
  ++taken_;
  const ByteView subject = message.subject();
  if (!own().cluster || hub::is_internal(subject)) return;
  const bool wanted = hub::any_matches(options_.always, subject) || remote_hubs_.want(subject);
  if (!wanted) return;
  if (message.find(origin_field)) {
    ++loops_stopped_;
    return;
  }
  const auto reply = AskedReply::of(message.reply());
  Account* const account = account_of(reply);
  if (account == nullptr) return;
  // Nothing is imported over the connection of an account.
  const bool crosses_by_itself =
      account->is_own() && hub::any_matches(options_.imports, reply.subject);
  offer(*account,
        {.subject = std::string(subject),
         .reply = crosses_by_itself ? std::string(reply.subject) : account->outward_reply(reply),
         .header = marked_header(message),
         .payload = std::string(message.payload())});
}

/// Forwards answers to requests that came from the cluster over this connection. They leave on it,
/// even those of a publisher with another account: the requester is there.
Task<> Link::Core::export_answers(Account& account) {
  const auto self = shared_from_this();
  while (const hub::Received answer = co_await account.answers->receive()) {
    leave_as_answer(account, *answer);
  }
}

void Link::Core::leave_as_answer(Account& account, const hub::Message& answer) {
  ++taken_;
  const auto subject = account.to_cluster.open(answer.subject());
  if (!subject) ++refused_out_;
  // libnats cannot send a "no responders" status, so such a requester gets no answer.
  if (!account.cluster || !subject || !answer.status().empty()) return;
  offer(account, {.subject = std::string(*subject),
                  .reply = account.outward_reply(AskedReply::of(answer.reply())),
                  .header = marked_header(answer),
                  .payload = std::string(answer.payload())});
}

std::vector<std::pair<std::string, std::string>> Link::Core::marked_header(
    const hub::Message& message) const {
  std::vector<std::pair<std::string, std::string>> header;
  for (const hub::Field& field : message.header()) {
    if (field.name != origin_field) header.emplace_back(field.name, field.value);
  }
  header.emplace_back(origin_field, hub_id_);
  return header;
}

// From the cluster -------------------------------------------------------------------------------

void Link::Core::Account::changed(const LinkEvent& event) {
  if (is_own() && event.kind == LinkEvent::Kind::up) {
    core.remote_hubs_.extend_liveness(core.loop_.now());
  }
  if (core.options_.on_event) core.options_.on_event(event);
}

void Link::Core::Account::arrived() {
  if (!std::exchange(importing, true)) core.loop_.spawn(core.import_message(*this));
}

/// Gossip comes over the link's own connection only.
void Link::Core::Account::heartbeat(Loop::Clock::time_point now) {
  // If the loop is late, gossip that arrived in time may still wait behind other messages.
  if (is_own() && !importing) core.heartbeat(now);
}

void Link::Core::heartbeat(Loop::Clock::time_point now) {
  remote_hubs_.forget_silent_since(now - silent_heartbeats * options_.heartbeat);
  follow_remote_hubs();
}

Task<> Link::Core::import_message(Account& account) {
  const auto self = shared_from_this();
  while (account.cluster) {
    auto message = account.cluster->take();
    if (!message) break;
    if (const char* reason = reason_against(account, *message)) {
      refuse(*message, reason);
      co_await yield();
    } else if (message->source == ForwardedMessage::Source::gossip) {
      receive_gossip(*message);
      co_await yield();
    } else {
      co_await enter(account, std::move(*message));
    }
  }
  account.importing = false;
}

void Link::Core::receive_gossip(const ForwardedMessage& message) {
  const auto gossip = link::InterestGossip::parse(message.payload);
  if (!gossip || gossip->hub == id_) return;
  if (gossip->kind == link::InterestGossip::Kind::ask) return own().cluster->announce_all();
  if (!remote_hubs_.receive(*gossip, loop_.now())) own().cluster->request_announcements();
  follow_remote_hubs();
}

/// @return nullptr if the message may enter
const char* Link::Core::reason_against(const Account& account,
                                       const ForwardedMessage& message) const {
  switch (message.source) {
    case ForwardedMessage::Source::gossip: return nullptr;
    case ForwardedMessage::Source::stray: return "this link did not subscribe to it";
    case ForwardedMessage::Source::answer:
      if (!account.from_cluster.open(message.subject))
        return "this link did not issue that reply subject";
      break;
    case ForwardedMessage::Source::import:
      if (hub::is_internal(message.subject) ||
          !hub::any_matches(options_.imports, message.subject)) {
        return "no import matches it";
      }
  }
  if (is_reserved_reply(message.reply)) return "its reply subject is reserved";
  return nullptr;
}

/// A server may send any number of such messages, so reports are limited to one per `report_pause`.
void Link::Core::refuse(const ForwardedMessage& message, const char* reason) {
  ++refused_in_;
  if (!options_.on_event || loop_.now() < next_report_) return;
  next_report_ = loop_.now() + report_pause;
  options_.on_event({.kind = LinkEvent::Kind::complaint,
                     .about = {.code = std::make_error_code(std::errc::permission_denied),
                               .operation = "link",
                               .subject = std::string(message.subject),
                               .reason = "a message from the cluster was refused (" +
                                         std::to_string(refused_in_) + " so far): " + reason,
                               .hint = {}}});
}

Task<> Link::Core::enter(Account& account, ForwardedMessage message) {
  const bool answer = message.source == ForwardedMessage::Source::answer;
  const std::string subject(answer ? *account.from_cluster.open(message.subject) : message.subject);
  std::vector<hub::Field> header;
  bool marked = false;
  for (const auto& [name, value] : message.header) {
    if (name == origin_field && value == hub_id_) {
      ++loops_stopped_;
      co_return;
    }
    marked = marked || name == origin_field;
    header.push_back({name, value});
  }
  if (!marked) header.push_back({origin_field, cluster_origin});
  // Published by a client here, a message to such a reply subject would leave under the account of
  // that client.
  const bool crosses_by_itself =
      account.is_own() && hub::any_matches(options_.always, message.reply);
  const bool seals = !message.reply.empty() && !crosses_by_itself;
  const std::string reply = seals ? account.to_cluster.seal(message.reply) : message.reply;
  const hub::PublishOptions with{.reply = reply, .status = message.status, .header = header};
  const hub::Sent sent = co_await hub_.publish(subject, message.payload, with);
  ++(sent ? in_ : dropped_in_);
}

// Ending -----------------------------------------------------------------------------------------

/// Sends the messages that the hub has delivered to this link, then ends.
Task<> Link::Core::drain() {
  const auto self = shared_from_this();
  draining_ = true;
  // Messages that other clients published before this flush still reach this link. After the
  // drain, the hub may go away.
  if (hub_.connected()) {
    // If the hub goes away, there is nothing more to forward from it.
    (void)co_await hub_.flush();
    (void)co_await hub_.drain();
  } else {
    hub_.close();
  }
  for (const Export& one : exports_) {
    if (!one.subscription) continue;
    while (const hub::Received message = one.subscription->try_receive()) leave(*message);
  }
  for (const auto& account : accounts_) {
    while (const hub::Received answer = account->answers->try_receive()) {
      leave_as_answer(*account, *answer);
    }
  }
  if (!own().cluster) co_return;
  for (const auto& account : accounts_) account->cluster->finish();
  // A blocked cluster thread, for example in a name look-up, must not keep the program from ending.
  // The link's own cluster was the first to be given its time.
  const auto give_up_at = own().cluster->give_up_at() - ending_pause;
  const auto all_ended = [this] {
    return std::ranges::all_of(accounts_, [](const auto& account) { return account->ended; });
  };
  while (!all_ended() && loop_.now() < give_up_at) co_await detail::Pause(ending_pause);
  end();
}

// Link -------------------------------------------------------------------------------------------

Task<Result<Link>> Link::start(Loop& loop, AddressSpec hub, const LinkOptions& options) {
  return start_with(loop, std::move(hub), options);
}

// A coroutine: it takes its parameters by value, so that they live in its frame.
Task<Result<Link>> Link::start_with(Loop& loop, AddressSpec hub, LinkOptions options) {
  if (auto checked = check(options); !checked) co_return std::unexpected(checked.error());
  if (auto prepared = prepare_accounts(options.accounts); !prepared) {
    co_return std::unexpected(prepared.error());
  }
  const std::string id = core::random_base32(20);
  hub::ClientOptions as{.name = "link", .echo = false};
  const std::string& before = options.predecessor.id;
  as.link = before.empty() ? id : before;
  as.link_publishers = !options.accounts.empty();
  const std::string known_as = as.link;
  as.delivery_overflow = options.overflow;
  const auto made = std::make_shared<std::weak_ptr<Core>>();
  as.on_event = [&loop, made, on_event = options.on_event](const hub::ClientEvent& event) {
    if (event.kind == hub::ClientEvent::Kind::disconnected) {
      loop.post([made] {
        if (const auto core = made->lock()) core->hub_went_away();
      });
    }
    if (!on_event) return;
    switch (event.kind) {
      case hub::ClientEvent::Kind::disconnected:
        return on_event({.kind = LinkEvent::Kind::hub_away, .about = event.error});
      case hub::ClientEvent::Kind::reconnected:
        return on_event({.kind = LinkEvent::Kind::hub_back, .about = event.error});
      case hub::ClientEvent::Kind::complaint:
        return on_event({.kind = LinkEvent::Kind::complaint, .about = event.error});
      case hub::ClientEvent::Kind::messages_lost:  // counted
      case hub::ClientEvent::Kind::given_up: return;
    }
  };
  auto client = co_await hub::Client::connect(loop, std::move(hub), as);
  if (!client) co_return std::unexpected(client.error());
  const bool comes_after = !before.empty();
  auto core = std::make_shared<Core>(loop, std::move(*client), std::move(options), id, known_as);
  *made = core;
  if (auto begun = core->begin(); !begun) co_return std::unexpected(begun.error());
  if (comes_after) co_await core->take_place();
  co_return Link(std::move(core));
}

Link::Link(std::shared_ptr<Core> core) noexcept : core_(std::move(core)) {}
Link::Link(Link&&) noexcept = default;
Link& Link::operator=(Link&& other) noexcept {
  const Link before(std::exchange(core_, std::exchange(other.core_, nullptr)));
  return *this;
}
Link::~Link() {
  if (core_) core_->end();
}

LinkStatistics Link::statistics() const { return core_->statistics(); }

LinkProgress Link::progress() const { return core_->progress(); }

bool Link::end_threads(Duration within) { return link::Cluster::end_threads(within); }

}  // namespace hallway
