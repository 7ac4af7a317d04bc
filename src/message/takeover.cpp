// SPDX-License-Identifier: Apache-2.0
#include "message/takeover.hpp"

#include <array>
#include <chrono>
#include <sstream>

#include "sys/event.hpp"
#include "sys/file.hpp"
#include "sys/socket.hpp"

namespace hallway::message {

namespace {

using namespace std::chrono_literals;

constexpr std::string_view greeting = "takeover 1";
constexpr std::string_view offered = "offer ";
constexpr std::string_view ready = "ready";
constexpr std::string_view yours = "yours";
constexpr std::string_view later = "later";
constexpr std::string_view refusal = "no: ";

constexpr std::size_t handed_over = 3;  // listener, lock, control socket
constexpr Duration between_attempts = 10ms;
constexpr Limits control_limits{.max_message = 256};

BindOptions control_options() { return {.type = SocketType::seqpacket, .lock = false}; }

Result<Address> control_address(const Address& address) {
  return Address::path(address.name() + ".control");
}

std::unexpected<Error> failed(int error, const Address& address, std::string reason,
                              std::string hint = {}) {
  return sys::failure(error, "take over", address.to_string(), std::move(reason), std::move(hint));
}

std::string offer_of(const Handover& listener, const Handover& control) {
  std::ostringstream text;
  text << offered << listener.device << ' ' << listener.inode << ' ' << control.device << ' '
       << control.inode;
  return text.str();
}

/// False: it is no offer.
bool read_offer(const Received& answer, Handover& listener, Handover& control) {
  if (!answer || !answer->bytes().starts_with(offered)) return false;
  const auto descriptors = answer->descriptors();
  if (descriptors.size() != handed_over) return false;
  std::istringstream text(std::string(answer->bytes().substr(offered.size())));
  text >> listener.device >> listener.inode >> control.device >> control.inode;
  if (!text) return false;
  listener.socket = std::move(descriptors[0]);
  listener.lock = std::move(descriptors[1]);
  control.socket = std::move(descriptors[2]);
  return true;
}

bool nobody_there(const Error& error) {
  return error.code == std::errc::no_such_file_or_directory ||
         error.code == std::errc::connection_refused;
}

std::unexpected<Error> no_answer(const Address& address, const Peer& server) {
  return failed(ETIMEDOUT, address,
                "the server there (" + server.to_string() + ") does not hand over",
                "it is stopped, stuck, or being taken over by another");
}

Result<Client> connect_to(const Address& control) {
  auto client = Client::connect(control, {.deadline = defaults::takeover_time,
                                          .type = SocketType::seqpacket,
                                          .descriptors = handed_over,
                                          .limits = control_limits});
  if (!client) return client;
  const std::uint32_t uid = client->peer().uid;
  if (uid == 0 || uid == sys::effective_uid()) return client;
  return failed(EPERM, control, "it is served by " + client->peer().to_string(),
                "only our own uid and root are believed");
}

/// Of an answer that is no offer.
Result<void> may_ask_again(const Received& answer, const Address& address) {
  if (answer.outcome() == Outcome::timed_out) {
    return failed(ETIMEDOUT, address, "the server there does not answer", "it is stopped or stuck");
  }
  if (answer.outcome() == Outcome::truncated) {
    return failed(EMFILE, address, "what it hands over found no room among our descriptors");
  }
  if (!answer || *answer == later) return {};
  if (answer->bytes().starts_with(refusal)) {
    return failed(EPERM, address, std::string(answer->bytes().substr(refusal.size())));
  }
  return failed(EPROTO, address, "its control socket answers with something else");
}

}  // namespace

// The successor ----------------------------------------------------------------------------------

Result<std::optional<Succession>> Succession::begin(const AddressSpec& where,
                                                    const BindOptions& options) {
  if (!where.get()) return std::unexpected(where.get().error());
  const Address& address = *where.get();
  if (address.kind() != Address::Kind::path) {
    return failed(EINVAL, address, "only a path can be taken over",
                  "whoever hands a socket over keeps it; an abstract name has no file beside it");
  }
  const auto control_at = control_address(address);
  if (!control_at) return std::unexpected(control_at.error());

  const auto deadline = std::chrono::steady_clock::now() + defaults::takeover_time;
  while (true) {
    auto client = connect_to(*control_at);
    if (!client && nobody_there(client.error())) return std::nullopt;
    if (!client) return std::unexpected(client.error());
    const Received answer = client->request(greeting, defaults::takeover_time);
    Handover of_listener;
    Handover of_control;
    if (read_offer(answer, of_listener, of_control)) {
      auto listener = Listener::adopt(address, std::move(of_listener), options);
      if (!listener) return std::unexpected(listener.error());
      auto control = Listener::adopt(*control_at, std::move(of_control), control_options());
      if (!control) return std::unexpected(control.error());
      return Succession(std::move(*client), std::move(*listener), std::move(*control));
    }
    if (auto goes_on = may_ask_again(answer, address); !goes_on) {
      return std::unexpected(goes_on.error());
    }
    if (std::chrono::steady_clock::now() > deadline) return no_answer(address, client->peer());
    sys::pause_for(between_attempts);  // it said "later", or has just ended
  }
}

Result<void> Succession::complete() {
  if (predecessor_.send(ready)) {
    Received answer = predecessor_.receive(defaults::takeover_time);
    if (answer.outcome() == Outcome::timed_out) {
      // It may be about to say "yours". After this it cannot any more, or it has.
      (void)sys::shutdown_reading(predecessor_.descriptor());
      answer = predecessor_.receive();
    }
    if (answer && *answer == yours) return {};
  }
  return sys::failure(ECANCELED, "take over from", predecessor_.peer().to_string(),
                      "it went on or ended instead");
}

// The predecessor --------------------------------------------------------------------------------

Result<std::unique_ptr<TakeoverOffer>> TakeoverOffer::open(Loop& loop, const Address& address,
                                                           Server server) {
  const auto control_at = control_address(address);
  if (!control_at) return std::unexpected(control_at.error());
  auto control = Listener::bind(*control_at, control_options());
  if (!control) return std::unexpected(control.error());
  return open(loop, std::move(*control), std::move(server));
}

Result<std::unique_ptr<TakeoverOffer>> TakeoverOffer::open(Loop& loop, Listener control,
                                                           Server server) {
  std::unique_ptr<TakeoverOffer> offer(new TakeoverOffer(std::move(server)));
  auto opened = hallway::Server::open(
      loop, std::move(control),
      [self = offer.get()](Connection successor) { return self->negotiate(std::move(successor)); },
      {.type = SocketType::seqpacket,
       .allow = {allow::same_uid(), allow::root()},
       .limits = control_limits,
       .on_path_lost = PathLost::ignore});
  if (!opened) return std::unexpected(opened.error());
  offer->control_.emplace(std::move(*opened));
  return offer;
}

Task<> TakeoverOffer::negotiate(Connection successor) {
  const Received hello = co_await successor.receive(defaults::takeover_time);
  if (!hello) co_return;
  if (*hello != greeting) {
    co_await successor.send("no: the server there speaks another version of takeover");
    co_return;
  }
  if (offering_) {
    co_await successor.send(later);
    co_return;
  }
  offering_ = true;
  struct Offering {
    bool& flag;
    ~Offering() { flag = false; }
  } const offering{offering_};
  co_await offer(successor);
}

Task<> TakeoverOffer::offer(Connection& successor) {
  auto listener = server_.offer();
  if (listener && !*listener) {
    co_await successor.send(later);
    co_return;
  }
  auto control = control_->offer();
  if (!listener || !control) {
    const Error& error = listener ? control.error() : listener.error();
    co_await successor.send(std::string(refusal) + error.explain());
    co_return;
  }
  const std::string words = offer_of(**listener, *control);
  std::vector<Descriptor> descriptors;
  descriptors.push_back(std::move((*listener)->socket));
  descriptors.push_back(std::move((*listener)->lock));
  descriptors.push_back(std::move(control->socket));
  const Sent sent = co_await successor.send(words, std::move(descriptors));
  if (!sent) co_return;

  // No clock here: until it says so or is gone, it costs nothing but its place.
  const Received answer = co_await successor.receive();
  if (!answer || *answer != ready) co_return;
  const auto still = server_.offer();
  if (!still || !*still) co_return;  // it began to stop meanwhile
  co_await successor.send(yours);
  const Sent told = co_await successor.flush();
  if (!told) co_return;
  // First the control socket: the server drains when it hands over, and would shut down whatever
  // is still its own, for the successor, too.
  control_->hand_over();
  server_.hand_over(successor.peer());
}

}  // namespace hallway::message
