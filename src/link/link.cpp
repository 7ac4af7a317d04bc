// SPDX-License-Identifier: Apache-2.0
#include <hallway/link.hpp>

#include <algorithm>
#include <chrono>
#include <set>
#include <string>
#include <utility>

#include <hallway/server_url.hpp>

#include "core/random.hpp"
#include "hub/reserved_subjects.hpp"
#include "link/cluster.hpp"
#include "link/interest.hpp"
#include "link/interest_gossip.hpp"
#include "link/remote_hubs.hpp"
#include "link/reply_subjects.hpp"

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

/// Messages that hubs, links and servers send to each other are not forwarded.
bool is_internal(ByteView subject) noexcept {
  return subject.starts_with("_HALLWAY.") || subject.starts_with("$SYS.");
}

/// Whether a message published to this subject could be meant for servers, links or hubs
/// themselves. The reply subjects that they hand out are not reserved: those for JetStream's
/// acknowledgements and flow control, and for answers to another hub.
bool is_reserved_reply(ByteView subject) noexcept {
  if (subject.starts_with("$JS.ACK.") || subject.starts_with("$JS.FC.")) return false;
  if (subject.starts_with("_HALLWAY.REPLY.")) return false;
  return subject.starts_with('$') || subject.starts_with("_HALLWAY.");
}

/// The reply subject of a message from the hub. The hub puts the identity of the requester in front
/// of it, and needs it back with the answer.
struct AskedReply {
  ByteView whole;
  ByteView subject;  ///< as the publisher wrote it

  static AskedReply of(ByteView reply) noexcept {
    AskedReply asked{reply, reply};
    if (!reply.starts_with(hub::asked_prefix)) return {};
    asked.subject.remove_prefix(hub::asked_prefix.size());
    for (int token = 0; token < 2; ++token) {  // the hub, and the connection
      const std::size_t dot = asked.subject.find('.');
      if (dot == ByteView::npos) return {};
      asked.subject.remove_prefix(dot + 1);
    }
    return asked;
  }
};

bool any_matches(const std::vector<std::string>& patterns, ByteView subject) {
  return std::ranges::any_of(patterns, [&](ByteView one) { return matches_subject(one, subject); });
}

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
    return std::unexpected(wrong(std::string(list),
                                 '"' + printable(pattern) + "\" is no pattern of subjects",
                                 "tokens between dots, * for any one, > at the end for the rest"));
  }
  for (const std::string& pattern : patterns) {
    if (internal_part_of(pattern) != InternalPart::all) continue;
    return std::unexpected(wrong(
        std::string(list), '"' + printable(pattern) + "\" matches nothing that a link passes on",
        "subjects below $SYS and _HALLWAY stay with the hubs and servers that use them"));
  }
  return {};
}

/// libnats 3.4.1 writes the text between quotes into its CONNECT, without escaping it.
bool is_sendable(ByteView text) {
  return std::ranges::none_of(text, [](char byte) {
    return static_cast<unsigned char>(byte) < 0x20 || byte == 0x7f || byte == '"' || byte == '\\';
  });
}

Result<void> check(const LinkOptions& options) {
  if (options.urls.empty()) {
    return std::unexpected(wrong("urls", "no server is named", "such as nats://127.0.0.1:4222"));
  }
  for (const std::string& url : options.urls) {
    if (const auto read = ServerUrl::parse(url); !read) return std::unexpected(read.error());
  }
  for (const auto& [text, what] : {std::pair(&options.name, ByteView("name")),
                                   {&options.user, ByteView("user")},
                                   {&options.password, ByteView("password")},
                                   {&options.token, ByteView("token")}}) {
    if (is_sendable(*text)) continue;
    return std::unexpected(
        wrong(std::string(what), "it has a control byte, a \" or a \\, which libnats cannot send"));
  }
  if (options.heartbeat <= Duration::zero() || options.connect_time <= Duration::zero()) {
    return std::unexpected(wrong("heartbeat", "it and connect_time take longer than nothing"));
  }
  if (options.reconnect.first_wait > options.reconnect.most_wait) {
    return std::unexpected(wrong("first_wait", "it is longer than most_wait"));
  }
  if (options.tls.certificate.empty() != options.tls.key.empty()) {
    return std::unexpected(wrong("tls", "a certificate and its key go together"));
  }
  for (const auto& [patterns, list] : {std::pair(&options.exports, ByteView("exports")),
                                       {&options.always, ByteView("always")},
                                       {&options.imports, ByteView("imports")}}) {
    if (auto checked = check(*patterns, list); !checked) return checked;
  }
  return {};
}

}  // namespace

class Link::Core final : public std::enable_shared_from_this<Core>,
                         private link::Cluster::Observer {
 public:
  Core(Loop& loop, HubClient hub, LinkOptions options, std::string id, std::string known_as);
  Core(const Core&) = delete;
  Core& operator=(const Core&) = delete;
  ~Core() override = default;

  Result<void> begin();
  Task<> take_place();
  void end();
  void hub_went_away();
  [[nodiscard]] LinkStatistics statistics() const;
  [[nodiscard]] LinkProgress progress() const;

 private:
  /// An exported pattern. It is subscribed to while another hub wants part of it, or always.
  struct Export {
    std::string pattern;
    bool always = false;
    std::shared_ptr<Subscription> subscription = {};  // shared with its task
  };

  [[nodiscard]] std::uint64_t dropped_on_the_way() const;
  void offer(ForwardedMessage message);

  // From the hub
  Task<> follow_interest();
  Task<> export_message(std::shared_ptr<Subscription> from);
  Task<> export_answers();
  void receive_interest(ByteView lines);
  void want(ByteView subject, bool wanted);
  void follow_remote_hubs();
  void leave(const HubMessage& message);
  void leave_as_answer(const HubMessage& answer);

  // From the cluster
  void changed(const LinkEvent& event) override;
  void arrived() override;
  void heartbeat(Loop::Clock::time_point now) override;
  void finished() override;
  Task<> import_message();
  [[nodiscard]] const char* reason_against(const ForwardedMessage& message) const;
  void refuse(const ForwardedMessage& message, const char* reason);
  void receive_gossip(const ForwardedMessage& message);
  Task<> enter(ForwardedMessage message);

  [[nodiscard]] std::vector<std::pair<std::string, std::string>> marked_header(
      const HubMessage& message) const;

  Task<> drain();

  /// One event or gossip message may name a thousand patterns, so other tasks run after each.
  [[nodiscard]] Loop::Sleep yield() { return loop_.sleep(Duration::zero()); }

  Loop& loop_;
  const LinkOptions options_;
  const std::string id_;
  const std::string known_as_;  // the link id that the hub knows
  const std::string group_ = "_HALLWAY.LINK." + id_;
  // For answers that return from the cluster, and for answers that return to it.
  const link::ReplySubjects from_cluster_{id_, {core::random_number(), core::random_number()}};
  const link::ReplySubjects to_cluster_{id_, {core::random_number(), core::random_number()}};
  std::string hub_id_;
  std::vector<Export> exports_;
  std::set<std::string, std::less<>> local_;  // patterns subscribed to in the hub
  link::Interest wanted_;                     // their intersection with the imports
  link::RemoteHubs remote_hubs_;
  std::uint64_t in_ = 0;
  std::uint64_t dropped_in_ = 0;
  std::uint64_t loops_stopped_ = 0;
  std::uint64_t dropped_out_ = 0;
  std::uint64_t refused_in_ = 0;
  std::uint64_t refused_out_ = 0;
  std::uint64_t taken_ = 0;           // messages from the hub
  std::uint64_t offered_ = 0;         // messages passed to the cluster
  std::uint64_t settled_before_ = 0;  // by the predecessor, of those the hub reports as missed
  bool hub_was_away_ = false;
  Loop::Clock::time_point next_report_;  // of refused messages
  bool importing_ = false;
  bool draining_ = false;
  bool finished_ = false;
  LinkStatistics at_the_end_;
  std::optional<Subscription> interest_;
  std::optional<Subscription> answers_;
  HubClient hub_;
  std::unique_ptr<link::Cluster> cluster_;
};

Link::Core::Core(Loop& loop, HubClient hub, LinkOptions options, std::string id,
                 std::string known_as)
    : loop_(loop),
      options_(std::move(options)),
      id_(std::move(id)),
      known_as_(std::move(known_as)),
      remote_hubs_(options_.exports),
      hub_(std::move(hub)) {
  for (const std::string& pattern : options_.always) exports_.push_back({pattern, true});
  for (const std::string& pattern : options_.exports) exports_.push_back({pattern});
}

Result<void> Link::Core::begin() {
  // No interest event may be lost, so the hub waits when this subscription's queue is full.
  auto interest = hub_.subscribe(hub::interest_subject, {.full = Full::wait});
  if (!interest) return std::unexpected(std::move(interest.error()));
  interest_.emplace(std::move(*interest));
  auto answers = hub_.subscribe(to_cluster_.pattern());
  if (!answers) return std::unexpected(std::move(answers.error()));
  answers_.emplace(std::move(*answers));
  link::Cluster::Observer& observer = *this;
  cluster_ =
      std::make_unique<link::Cluster>(loop_, options_, id_, from_cluster_.pattern(), observer);
  loop_.spawn(follow_interest());
  loop_.spawn(export_answers());
  follow_remote_hubs();
  loop_.on_drain(this, [this] { loop_.spawn(drain()); });
  return {};
}

/// The hub treats this link as its predecessor. It reports as missed all messages that it gave to
/// the predecessor, and all that were published since. The predecessor has counted some of the
/// former already.
Task<> Link::Core::take_place() {
  const auto self = shared_from_this();
  co_await hub_.flush();  // the hub's report arrives before its answer to the flush
  settled_before_ = std::min(options_.predecessor.settled, interest_->dropped());
}

void Link::Core::end() {
  loop_.forget(this);
  hub_.close();
  if (!cluster_) return;
  at_the_end_ = cluster_->statistics();
  at_the_end_.up = false;
  cluster_.reset();
  finished_ = true;
}

/// While the loop drains, the client does not reconnect.
void Link::Core::hub_went_away() {
  hub_was_away_ = true;
  if (draining_) hub_.close();
}

LinkStatistics Link::Core::statistics() const {
  LinkStatistics all = cluster_ ? cluster_->statistics() : at_the_end_;
  all.in += in_;
  all.dropped_in += dropped_in_;
  all.refused_in += refused_in_;
  all.refused_out += refused_out_;
  all.loops_stopped += loops_stopped_;
  all.dropped_out += dropped_on_the_way();
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
  return dropped + (answers_ ? answers_->dropped() : 0);
}

LinkProgress Link::Core::progress() const {
  LinkProgress progress{.id = known_as_};
  if (hub_was_away_) return progress;
  const LinkStatistics cluster = cluster_ ? cluster_->statistics() : at_the_end_;
  const std::uint64_t known = cluster.out + cluster.unconfirmed + cluster.dropped_out;
  const std::uint64_t unknown = offered_ - std::min(offered_, known);
  progress.settled = taken_ - std::min(taken_, unknown) + dropped_on_the_way();
  return progress;
}

// From the hub -----------------------------------------------------------------------------------

Task<> Link::Core::follow_interest() {
  const auto self = shared_from_this();
  while (const HubReceived news = co_await interest_->receive()) {
    receive_interest(news->payload());
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
  if (is_internal(subject)) return;
  for (const std::string& pattern : options_.imports) {
    const auto common = subjects_in_common(pattern, subject);
    if (!common) continue;
    const bool changed = wanted ? wanted_.add(*common) : wanted_.remove(*common);
    if (changed) cluster_->want(*common, wanted);
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
    one.subscription = std::make_shared<Subscription>(std::move(*made));
    loop_.spawn(export_message(one.subscription));
  }
}

Task<> Link::Core::export_message(std::shared_ptr<Subscription> from) {
  const auto self = shared_from_this();
  while (const HubReceived message = co_await from->receive()) leave(*message);
}

void Link::Core::offer(ForwardedMessage message) {
  ++offered_;
  cluster_->offer(std::move(message));
}

void Link::Core::leave(const HubMessage& message) {
  ++taken_;
  const ByteView subject = message.subject();
  if (!cluster_ || is_internal(subject)) return;
  const bool wanted = any_matches(options_.always, subject) || remote_hubs_.want(subject);
  if (!wanted) return;
  if (message.find(origin_field)) {
    ++loops_stopped_;
    return;
  }
  const auto reply = AskedReply::of(message.reply());
  const bool crosses_by_itself =
      reply.subject.empty() || any_matches(options_.imports, reply.subject);
  offer({.subject = std::string(subject),
         .reply = crosses_by_itself ? std::string(reply.subject) : from_cluster_.seal(reply.whole),
         .header = marked_header(message),
         .payload = std::string(message.payload())});
}

/// Forwards answers to requests that came from the cluster.
Task<> Link::Core::export_answers() {
  const auto self = shared_from_this();
  while (const HubReceived answer = co_await answers_->receive()) leave_as_answer(*answer);
}

void Link::Core::leave_as_answer(const HubMessage& answer) {
  ++taken_;
  const auto subject = to_cluster_.open(answer.subject());
  if (!subject) ++refused_out_;
  // libnats cannot send a "no responders" status, so such a requester gets no answer.
  if (!cluster_ || !subject || !answer.status().empty()) return;
  const auto reply = AskedReply::of(answer.reply());
  offer({.subject = std::string(*subject),
         .reply = reply.subject.empty() ? std::string() : from_cluster_.seal(reply.whole),
         .header = marked_header(answer),
         .payload = std::string(answer.payload())});
}

std::vector<std::pair<std::string, std::string>> Link::Core::marked_header(
    const HubMessage& message) const {
  std::vector<std::pair<std::string, std::string>> header;
  for (const HubField& field : message.header()) {
    if (field.name != origin_field) header.emplace_back(field.name, field.value);
  }
  header.emplace_back(origin_field, hub_id_);
  return header;
}

// From the cluster -------------------------------------------------------------------------------

void Link::Core::changed(const LinkEvent& event) {
  if (event.kind == LinkEvent::Kind::up) remote_hubs_.extend_liveness(loop_.now());
  if (options_.on_event) options_.on_event(event);
}

void Link::Core::heartbeat(Loop::Clock::time_point now) {
  // If the loop is late, gossip that arrived in time may still wait behind other messages.
  if (importing_) return;
  remote_hubs_.forget_silent_since(now - silent_heartbeats * options_.heartbeat);
  follow_remote_hubs();
}

void Link::Core::arrived() {
  if (!std::exchange(importing_, true)) loop_.spawn(import_message());
}

Task<> Link::Core::import_message() {
  const auto self = shared_from_this();
  while (cluster_) {
    auto message = cluster_->take();
    if (!message) break;
    if (const char* reason = reason_against(*message)) {
      refuse(*message, reason);
      co_await yield();
    } else if (message->source == ForwardedMessage::Source::word) {
      receive_gossip(*message);
      co_await yield();
    } else {
      co_await enter(std::move(*message));
    }
  }
  importing_ = false;
}

void Link::Core::receive_gossip(const ForwardedMessage& message) {
  const auto word = link::InterestGossip::parse(message.payload);
  if (!word || word->hub == id_) return;
  if (word->kind == link::InterestGossip::Kind::ask) return cluster_->announce_all();
  if (!remote_hubs_.hear(*word, loop_.now())) cluster_->request_announcements();
  follow_remote_hubs();
}

/// @return nullptr if the message may enter
const char* Link::Core::reason_against(const ForwardedMessage& message) const {
  switch (message.source) {
    case ForwardedMessage::Source::word: return nullptr;
    case ForwardedMessage::Source::stray: return "the server was not asked for it";
    case ForwardedMessage::Source::answer:
      if (!from_cluster_.open(message.subject)) return "this link did not give out that subject";
      break;
    case ForwardedMessage::Source::import:
      if (is_internal(message.subject) || !any_matches(options_.imports, message.subject)) {
        return "nothing that is imported";
      }
  }
  if (is_reserved_reply(message.reply)) return "it wants an answer where nobody may be answered";
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

Task<> Link::Core::enter(ForwardedMessage message) {
  const bool answer = message.source == ForwardedMessage::Source::answer;
  const std::string subject(answer ? *from_cluster_.open(message.subject) : message.subject);
  std::vector<HubField> header;
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
  const bool seals = !message.reply.empty() && !any_matches(options_.always, message.reply);
  const std::string reply = seals ? to_cluster_.seal(message.reply) : message.reply;
  const PublishOptions with{.reply = reply, .status = message.status, .header = std::move(header)};
  const HubSent sent = co_await hub_.publish(subject, message.payload, with);
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
    co_await hub_.flush();
    co_await hub_.drain();
  } else {
    hub_.close();
  }
  for (const Export& one : exports_) {
    if (!one.subscription) continue;
    while (const HubReceived message = one.subscription->try_receive()) leave(*message);
  }
  while (const HubReceived answer = answers_->try_receive()) leave_as_answer(*answer);
  if (!cluster_) co_return;
  cluster_->finish();
  // A blocked cluster thread, for example in a name look-up, must not keep the program from ending.
  const auto give_up_at = cluster_->give_up_at() - ending_pause;
  while (!finished_ && loop_.now() < give_up_at) co_await loop_.sleep(ending_pause);
  end();
}

void Link::Core::finished() { finished_ = true; }

// Link -------------------------------------------------------------------------------------------

Task<Result<Link>> Link::start(Loop& loop, AddressSpec hub, LinkOptions options) {
  if (auto checked = check(options); !checked) co_return std::unexpected(checked.error());
  const std::string id = core::random_base32(20);
  HubClientOptions as{.name = "link", .echo = false};
  const std::string& before = options.predecessor.id;
  as.link = before.empty() ? id : before;
  const std::string known_as = as.link;
  as.delivery = options.full == LinkFull::drop_oldest ? DeliveryPolicy::drop_oldest
                                                      : DeliveryPolicy::drop_newest;
  const auto made = std::make_shared<std::weak_ptr<Core>>();
  as.on_event = [&loop, made, told = options.on_event](const HubClientEvent& event) {
    if (event.kind == HubClientEvent::Kind::disconnected) {
      loop.post([made] {
        if (const auto core = made->lock()) core->hub_went_away();
      });
    }
    if (!told) return;
    switch (event.kind) {
      case HubClientEvent::Kind::disconnected:
        return told({.kind = LinkEvent::Kind::hub_away, .about = event.error});
      case HubClientEvent::Kind::reconnected:
        return told({.kind = LinkEvent::Kind::hub_back, .about = event.error});
      case HubClientEvent::Kind::complaint:
        return told({.kind = LinkEvent::Kind::complaint, .about = event.error});
      case HubClientEvent::Kind::messages_lost:  // counted
      case HubClientEvent::Kind::given_up: return;
    }
  };
  auto client = co_await HubClient::connect(loop, std::move(hub), std::move(as));
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
