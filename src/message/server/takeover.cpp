// SPDX-License-Identifier: Apache-2.0
#include "message/server/takeover.hpp"

#include <array>
#include <chrono>

#include "core/received_descriptors.hpp"
#include "message/server/takeover_words.hpp"
#include "net/resolve.hpp"
#include "net/server_look.hpp"
#include "net/socket_file.hpp"
#include "sys/event.hpp"
#include "sys/file.hpp"
#include "sys/process.hpp"
#include "sys/socket.hpp"

namespace hallway::message {

namespace {

using namespace std::chrono_literals;

using namespace takeover_words;

constexpr std::size_t handed_over = 3;  // listener, lock, control socket
constexpr Duration between_attempts = 10ms;
constexpr Limits control_limits{.max_message = 256};

BindOptions control_options() { return {.type = SocketType::seqpacket, .lock = false}; }

Result<Address> control_address(const Address& address) {
  return Address::path(address.name() + ".control");
}

std::unexpected<Error> failed(int error, const Address& address, std::string reason,
                              std::string hint = {}) {
  return sys::failure(error, "take over", address.unescaped(), std::move(reason), std::move(hint));
}

/// @return false if the answer is not an offer
bool take_offer(const Received& answer, Handover& listener, Handover& control) {
  const auto files = answer ? read_offer(answer->bytes()) : std::nullopt;
  if (!files) return false;
  const auto descriptors = answer->descriptors();
  if (descriptors.size() != handed_over) return false;
  listener = {std::move(descriptors[0]), std::move(descriptors[1]), files->listener_device,
              files->listener_inode};
  control = {std::move(descriptors[2]), {}, files->control_device, files->control_inode};
  return true;
}

bool nobody_there(const Error& error) {
  return error.code == std::errc::no_such_file_or_directory ||
         error.code == std::errc::connection_refused;
}

std::string there(const Client& server) {
  return "the server there (" + server.peer().to_string() + ")";
}

/// Describes the state of a server that received a request and does not answer.
std::string what_it_does(const Client& server) {
  const Peer& peer = server.peer();
  const auto identity = server.peer_identity();
  if (identity && *identity == PidStatus::ended) {
    return "that process has ended, and another one has its socket";
  }
  const auto unread = sys::unread_by_peer(server.descriptor());
  std::string question;
  if (unread) question = *unread == 0 ? "it has read the question" : "it has not read the question";
  const std::string state = net::process_state_words(peer.pid);
  if (state.empty()) return question;
  return question.empty() ? "it " + state : question + ", and " + state;
}

std::unexpected<Error> no_answer(const Address& address, const Client& server) {
  return failed(ETIMEDOUT, address,
                there(server) + " did not answer within " +
                    std::to_string(defaults::takeover_time / 1s) + "s",
                what_it_does(server));
}

/// The error after all attempts. `answer` is the last one.
std::unexpected<Error> never_handed_over(const Address& address, const Client& server,
                                         const Received& answer) {
  if (answer && *answer == later) {
    return failed(ETIMEDOUT, address,
                  there(server) + " is being taken over by another process, which is not ready yet",
                  "end that process, or wait for it");
  }
  const auto lock = net::SocketFile::open_lock_of(address);
  if (!lock && lock.error().code == std::errc::no_such_file_or_directory) {
    return failed(ESTALE, address,
                  "the lock file of " + there(server) +
                      " is gone, by which a successor proves "
                      "that it may take over",
                  "stop that server, and start this one");
  }
  return failed(ETIMEDOUT, address, there(server) + " closes its control socket without an answer");
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

/// Handles an answer that is not an offer: an error if asking again is useless.
Result<void> may_ask_again(const Received& answer, const Address& address, const Client& server) {
  if (answer.outcome() == Outcome::timed_out) return no_answer(address, server);
  if (answer.outcome() == Outcome::truncated) {
    return failed(EMFILE, address, "what it hands over found no room among our descriptors");
  }
  if (!answer || *answer == later) return {};
  if (const auto reason = read_refusal(answer->bytes())) {
    return failed(EPERM, address, std::string(*reason));
  }
  return failed(EPROTO, address, "its control socket answers with something else");
}

/// Asks for the takeover and sends the required proof. Returns the answer, which the caller
/// handles.
Result<Received> ask(Client& predecessor, const Address& address) {
  Received answer = predecessor.request(greeting, defaults::takeover_time);
  if (!answer || *answer != prove) return answer;
  auto lock = net::SocketFile::open_lock_of(address);
  // The lock file was removed by the server, which has just ended.
  if (!lock && lock.error().code == std::errc::no_such_file_or_directory) return Received{};
  if (!lock) return std::unexpected(lock.error());
  if (const Sent sent = predecessor.send(proof, std::move(*lock), defaults::takeover_time); !sent) {
    return Received(sent.outcome(), {}, nullptr);
  }
  return predecessor.receive(defaults::takeover_time);
}

/// Why the proof of a successor does not hold; nullopt if it holds.
std::optional<std::string> unproven(const Connection& successor, const Descriptor& given,
                                    int our_lock) {
  const auto ours = sys::identify(our_lock);
  const auto theirs = sys::identify_foreign(given.get());
  if (!ours || !theirs || !ours->same_file(*theirs)) return "it passed another file than the lock";
  if (!sys::is_open_for_writing(given.get()).value_or(false)) {
    return "it did not prove that it may write where the socket is";
  }
  const auto own = sys::pid_namespaces_of(sys::process_id());
  if (!own) return std::nullopt;  // without /proc this cannot be checked
  const auto its = sys::pid_namespaces_of(successor.peer().pid);
  if (!its) return "it is of another pid namespace, or has ended";
  if (*its != *own) return "it is of another pid namespace";
  const auto identity = successor.peer_identity();
  if (!identity || *identity == PidStatus::ended) return "the process that asked has ended";
  return std::nullopt;
}

}  // namespace

// The successor ----------------------------------------------------------------------------------

Result<std::optional<TakeoverClient>> TakeoverClient::begin(const AddressSpec& where,
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
    const auto asked = ask(*client, address);
    if (!asked) return std::unexpected(asked.error());
    const Received& answer = *asked;
    Handover of_listener;
    Handover of_control;
    if (take_offer(answer, of_listener, of_control)) {
      auto listener = Listener::adopt(address, std::move(of_listener), options);
      if (!listener) return std::unexpected(listener.error());
      auto control = Listener::adopt(*control_at, std::move(of_control), control_options());
      if (!control) return std::unexpected(control.error());
      return TakeoverClient(std::move(*client), std::move(*listener), std::move(*control));
    }
    if (auto goes_on = may_ask_again(answer, address, *client); !goes_on) {
      return std::unexpected(goes_on.error());
    }
    if (std::chrono::steady_clock::now() > deadline) {
      return never_handed_over(address, *client, answer);
    }
    sys::pause_for(between_attempts);  // the answer was "later", or the server has just ended
  }
}

std::string TakeoverClient::why_not_offered(const Address& address) {
  const auto control = control_address(address);
  if (!control) return control.error().explain();
  const auto probe = net::try_connect(*control, SocketType::seqpacket);
  if (probe) return "its control socket " + control->to_string() + " is there only now: try again";
  const Error& error = probe.error();
  if (error.code == std::errc::no_such_file_or_directory) {
    return "there is no control socket " + control->to_string();
  }
  return control->to_string() + ": " + error.why();
}

Result<void> TakeoverClient::complete() {
  if (predecessor_.send(ready)) {
    Received answer = predecessor_.receive(defaults::takeover_time);
    if (answer.outcome() == Outcome::timed_out) {
      // It may be about to send "yours". After this call it no longer can, or has already done so.
      (void)sys::shutdown_reading(predecessor_.descriptor());
      answer = predecessor_.receive();
    }
    if (answer && *answer == yours) return {};
  }
  const auto identity = predecessor_.peer_identity();
  const bool ended = identity && *identity == PidStatus::ended;
  return sys::failure(ECANCELED, "take over from", predecessor_.peer().to_string(),
                      ended ? "it ended before it had handed over" : "it does not hand over now");
}

// The predecessor --------------------------------------------------------------------------------

Result<std::unique_ptr<TakeoverServer>> TakeoverServer::open(Loop& loop, const Address& address,
                                                             Host server) {
  const auto control_at = control_address(address);
  if (!control_at) return std::unexpected(control_at.error());
  auto control = Listener::bind(*control_at, control_options());
  if (!control) return std::unexpected(control.error());
  return open(loop, std::move(*control), std::move(server));
}

Result<std::unique_ptr<TakeoverServer>> TakeoverServer::open(Loop& loop, Listener control,
                                                             Host server) {
  std::unique_ptr<TakeoverServer> offer(new TakeoverServer(std::move(server)));
  auto opened = hallway::Server::open(
      loop, std::move(control),
      [self = offer.get()](Connection successor) { return self->negotiate(std::move(successor)); },
      {.type = SocketType::seqpacket,
       .allow = {allow::same_uid(), allow::root()},
       .descriptors = 1,
       .limits = control_limits,
       .on_path_lost = PathLost::ignore});
  if (!opened) return std::unexpected(opened.error());
  offer->control_.emplace(std::move(*opened));
  return offer;
}

Task<> TakeoverServer::negotiate(Connection successor) {
  const Received hello = co_await successor.receive(defaults::takeover_time);
  if (!hello) co_return;
  if (*hello != greeting) {
    co_await successor.send("no: the server there speaks another version of takeover");
    co_return;
  }
  co_await successor.send(prove);
  const Received answer = co_await successor.receive(defaults::takeover_time);
  if (!answer) co_return;
  if (*answer != proof || answer->descriptors().size() != 1) {
    co_await successor.send("no: it proved nothing");
    co_return;
  }
  if (offering_) {
    co_await successor.send(later);
    co_return;
  }
  core::ReceivedDescriptors passed;
  passed.list().push_back(std::move(answer->descriptors()[0]));
  offering_ = true;
  struct Offering {
    bool& flag;
    ~Offering() { flag = false; }
  } const offering{offering_};
  co_await offer(successor, passed.list()[0]);
}

Task<> TakeoverServer::offer(Connection& successor, const Descriptor& lock) {
  auto listener = host_.offer();
  // About to stop: the successor asks again, and then binds the name itself.
  if (listener && !*listener) co_return;
  auto control = control_->offer();
  if (!listener || !control) {
    const Error& error = listener ? control.error() : listener.error();
    co_await successor.send(std::string(refusal) + error.explain());
    co_return;
  }
  if (const auto why = unproven(successor, lock, (*listener)->lock.get())) {
    co_await successor.send(std::string(refusal) + *why);
    co_return;
  }
  const std::string words =
      offer_of({(*listener)->device, (*listener)->inode, control->device, control->inode});
  std::vector<Descriptor> descriptors;
  descriptors.push_back(std::move((*listener)->socket));
  descriptors.push_back(std::move((*listener)->lock));
  descriptors.push_back(std::move(control->socket));
  const Sent sent = co_await successor.send(words, std::move(descriptors));
  if (!sent) co_return;

  // No timeout here: until the successor answers or is gone, it costs only its slot.
  const Received answer = co_await successor.receive();
  if (!answer || *answer != ready) co_return;
  const auto still = host_.offer();
  if (!still || !*still) co_return;  // it began to stop meanwhile
  co_await successor.send(yours);
  const Sent told = co_await successor.flush();
  if (!told) co_return;
  // The control socket first: handing over drains the server, which would shut down every socket
  // that it still owns, and so the successor's as well.
  control_->hand_over();
  host_.hand_over(successor.peer());
}

}  // namespace hallway::message
