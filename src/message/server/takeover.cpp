// SPDX-License-Identifier: Apache-2.0
#include "message/server/takeover.hpp"

#include <array>
#include <chrono>

#include <hallway/deadline.hpp>

#include "core/received_descriptors.hpp"
#include "core/scoped_value.hpp"
#include "message/server/takeover_words.hpp"
#include "net/listener_handover.hpp"
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

constexpr std::size_t handed_over = 3;  // listener, lock, control socket; TCP listeners follow
constexpr std::size_t max_handed_over = handed_over + bounds::max_tcp_listeners;
constexpr Duration between_attempts = 10ms;
constexpr Limits control_limits{.max_message = 256};

BindOptions control_options() { return {.type = SocketType::seqpacket}; }

Result<Address> control_address(const Address& address) {
  return Address::path(address.name() + ".control");
}

std::unexpected<Error> failed(int error, const Address& address, std::string reason,
                              std::string hint = {}) {
  return sys::failure(error, "take over", address.unescaped(), std::move(reason), std::move(hint));
}

/// @return false if the answer is not an offer
bool take_offer(const Received& answer, net::Handover& listener, net::Handover& control,
                std::vector<Descriptor>& tcp) {
  const auto files = answer ? read_offer(answer->bytes()) : std::nullopt;
  if (!files) return false;
  const auto descriptors = answer->descriptors();
  if (descriptors.size() < handed_over) return false;
  listener = {std::move(descriptors[0]), std::move(descriptors[1]), files->listener_device,
              files->listener_inode};
  control = {std::move(descriptors[2]), {}, files->control_device, files->control_inode};
  for (Descriptor& one : descriptors.subspan(handed_over)) tcp.push_back(std::move(one));
  return true;
}

bool no_server_listens(const Error& error) {
  return error.code == std::errc::no_such_file_or_directory ||
         error.code == std::errc::connection_refused;
}

std::string running_server(const Client& server) {
  return "the running server (" + server.peer().to_string() + ")";
}

/// Describes the state of a server that received a request and does not answer.
std::string what_it_does(const Client& server) {
  const Peer& peer = server.peer();
  const auto identity = server.peer_identity();
  if (identity && *identity == PidStatus::ended) {
    return "that process has ended; another one has its socket";
  }
  const auto unread = sys::unread_by_peer(server.descriptor());
  std::string question;
  if (unread) question = *unread == 0 ? "it has read the request" : "it has not read the request";
  const std::string state = net::process_state_words(peer.pid);
  if (state.empty()) return question;
  return question.empty() ? "it " + state : question + ", and " + state;
}

std::unexpected<Error> no_answer(const Address& address, const Client& server) {
  return failed(ETIMEDOUT, address,
                running_server(server) + " did not answer within " +
                    std::to_string(defaults::takeover_time / 1s) + "s",
                what_it_does(server));
}

/// The error after all attempts. `answer` is the last one.
std::unexpected<Error> never_handed_over(const Address& address, const Client& server,
                                         const Received& answer) {
  if (answer && *answer == later) {
    return failed(ETIMEDOUT, address,
                  running_server(server) + " is already being taken over by another process",
                  "end that process, or wait until it is ready");
  }
  const auto lock = net::SocketFile::open_lock_of(address);
  if (!lock && lock.error().code == std::errc::no_such_file_or_directory) {
    return failed(ESTALE, address,
                  "the lock file of " + running_server(server) +
                      " is gone, which a successor needs for its proof",
                  "stop that server, then start this one");
  }
  return failed(ETIMEDOUT, address,
                running_server(server) + " closed its control socket without an answer");
}

Result<Client> connect_to(const Address& control) {
  auto client = Client::connect(
      control, {.timeout = defaults::takeover_time,
                .type = SocketType::seqpacket,
                .connection = {.descriptors = max_handed_over, .limits = control_limits}});
  if (!client) return client;
  const std::uint32_t uid = client->peer().uid;
  if (uid == 0 || uid == sys::effective_uid()) return client;
  return failed(EPERM, control, "the server there is " + client->peer().to_string(),
                "only our own uid and root are trusted");
}

/// Handles an answer that is not an offer: an error if asking again is useless.
Result<void> may_ask_again(const Received& answer, const Address& address, const Client& server) {
  if (answer.outcome() == Outcome::timed_out) return no_answer(address, server);
  if (answer->descriptors_lost()) {
    return failed(EMFILE, address,
                  "there are not enough free descriptors for the sockets handed over");
  }
  if (!answer || *answer == later) return {};
  if (const auto reason = read_refusal(answer->bytes())) {
    return failed(EPERM, address, std::string(*reason));
  }
  return failed(EPROTO, address, "the answer on its control socket is not understood");
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
  if (Sent sent = predecessor.send(proof, std::move(*lock), defaults::takeover_time); !sent) {
    return Received(std::move(sent));
  }
  return predecessor.receive(defaults::takeover_time);
}

/// Why the proof of a successor does not hold; nullopt if it holds.
std::optional<std::string> unproven(const Connection& successor, const Descriptor& given,
                                    int our_lock) {
  const auto ours = sys::identify(our_lock);
  const auto theirs = sys::identify_foreign(given.get());
  if (!ours || !theirs || !ours->same_file(*theirs)) return "its descriptor is not the lock file";
  if (!sys::is_open_for_writing(given.get()).value_or(false)) {
    return "it did not prove that it may write to the lock file";
  }
  const auto own = sys::pid_namespaces_of(sys::process_id());
  if (!own) return std::nullopt;  // without /proc this cannot be checked
  const auto its = sys::pid_namespaces_of(successor.peer().pid);
  if (!its) return "it is in another pid namespace, or has ended";
  if (*its != *own) return "it is in another pid namespace";
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
                  "an abstract name has no lock file; an inherited socket stays with its parent");
  }
  const auto control_at = control_address(address);
  if (!control_at) return std::unexpected(control_at.error());

  const Deadline deadline(defaults::takeover_time);
  while (true) {
    auto client = connect_to(*control_at);
    if (!client && no_server_listens(client.error())) return std::nullopt;
    if (!client) return std::unexpected(client.error());
    const auto asked = ask(*client, address);
    if (!asked) return std::unexpected(asked.error());
    const Received& answer = *asked;
    net::Handover of_listener;
    net::Handover of_control;
    std::vector<Descriptor> tcp;
    if (take_offer(answer, of_listener, of_control, tcp)) {
      auto listener = detail::ListenerHandover::adopt(address, std::move(of_listener), options);
      if (!listener) return std::unexpected(listener.error());
      auto control = detail::ListenerHandover::adopt(*control_at, std::move(of_control),
                                                     control_options(), net::NameLock::shared);
      if (!control) return std::unexpected(control.error());
      return TakeoverClient(std::move(*client), std::move(*listener), std::move(*control),
                            std::move(tcp));
    }
    if (auto goes_on = may_ask_again(answer, address, *client); !goes_on) {
      return std::unexpected(goes_on.error());
    }
    if (deadline.passed()) {
      return never_handed_over(address, *client, answer);
    }
    sys::pause_for(between_attempts);  // the answer was "later", or the server has just ended
  }
}

std::string TakeoverClient::why_not_offered(const Address& address) {
  const auto control = control_address(address);
  if (!control) return control.error().explain();
  const auto probe = net::try_connect(*control, SocketType::seqpacket);
  if (probe)
    return "its control socket " + control->to_string() + " has only just appeared: try again";
  const Error& error = probe.error();
  if (error.code == std::errc::no_such_file_or_directory) {
    return "there is no control socket " + control->to_string();
  }
  return control->to_string() + ": " + error.why();
}

Result<Descriptor> TakeoverClient::complete() {
  if (predecessor_.send(ready)) {
    Received answer = predecessor_.receive(defaults::takeover_time);
    if (answer.outcome() == Outcome::timed_out) {
      // It may be about to send "yours". After this call it no longer can, or has already done so.
      (void)sys::shutdown_reading(predecessor_.descriptor());
      answer = predecessor_.receive();
    }
    if (answer && *answer == yours) {
      const auto state = answer->descriptors();
      return state.empty() ? Descriptor() : std::move(state.front());
    }
  }
  const auto identity = predecessor_.peer_identity();
  const bool ended = identity && *identity == PidStatus::ended;
  return sys::failure(ECANCELED, "take over from", predecessor_.peer().to_string(),
                      ended ? "it ended before the handover" : "it did not complete the handover");
}

// The predecessor --------------------------------------------------------------------------------

Result<std::unique_ptr<TakeoverServer>> TakeoverServer::open(Loop& loop, const Address& address,
                                                             Host host) {
  const auto control_at = control_address(address);
  if (!control_at) return std::unexpected(control_at.error());
  auto control = detail::ListenerHandover::bind_without_lock(*control_at, control_options());
  if (!control) return std::unexpected(control.error());
  return open(loop, std::move(*control), std::move(host));
}

Result<std::unique_ptr<TakeoverServer>> TakeoverServer::open(Loop& loop, Listener control,
                                                             Host host) {
  std::unique_ptr<TakeoverServer> server(new TakeoverServer(std::move(host)));
  auto opened = hallway::Server::open(
      loop, std::move(control),
      [self = server.get()](Connection successor) { return self->negotiate(std::move(successor)); },
      {.type = SocketType::seqpacket,
       .allow = {allow::same_uid(), allow::root()},
       .connection = {.descriptors = 1, .limits = control_limits},
       .on_path_lost = PathLost::ignore});
  if (!opened) return std::unexpected(opened.error());
  server->control_.emplace(std::move(*opened));
  return server;
}

Task<> TakeoverServer::negotiate(Connection successor) {
  const Received hello = co_await successor.receive(defaults::takeover_time);
  if (!hello) co_return;
  if (*hello != greeting) {
    co_await successor.send("no: the running server speaks another version of takeover");
    co_return;
  }
  co_await successor.send(prove);
  const Received answer = co_await successor.receive(defaults::takeover_time);
  if (!answer || answer->descriptors_lost()) co_return;  // the successor asks again
  if (*answer != proof || answer->descriptors().size() != 1) {
    co_await successor.send("no: the proof is missing");
    co_return;
  }
  if (offering_) {
    co_await successor.send(later);
    co_return;
  }
  core::ReceivedDescriptors passed;
  passed.list().push_back(std::move(answer->descriptors()[0]));
  const core::ScopedValue offering(offering_, true);
  co_await offer(successor, passed.list()[0]);
}

Task<> TakeoverServer::offer(Connection& successor, const Descriptor& lock) {
  auto listener = host_.offer();
  // About to stop: the successor asks again, and then binds the name itself.
  if (listener && !*listener) co_return;
  auto control = detail::ServerHandover::offer(*control_);
  auto tcp = host_.offer_tcp();
  const Error* failure = nullptr;
  if (!tcp) failure = &tcp.error();
  if (!control) failure = &control.error();
  if (!listener) failure = &listener.error();
  if (failure != nullptr) {
    co_await successor.send(std::string(refusal) + failure->explain());
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
  for (Descriptor& one : *tcp) descriptors.push_back(std::move(one));
  const Sent sent = co_await successor.send(words, std::move(descriptors));
  if (!sent) co_return;

  // No timeout here: until the successor answers or is gone, it costs only its slot.
  const Received answer = co_await successor.receive();
  if (!answer || *answer != ready) co_return;
  const auto still = host_.offer();
  if (!still || !*still) co_return;  // it began to stop meanwhile
  Descriptor state = host_.state();
  if (state.holds_one()) {
    co_await successor.send(yours, std::move(state));
  } else {
    co_await successor.send(yours);
  }
  const Sent flushed = co_await successor.flush();
  if (!flushed) co_return;
  // The control socket first: handing over drains the server, which would shut down every socket
  // that it still owns, and so the successor's as well.
  detail::ServerHandover::hand_over(*control_);
  host_.hand_over(successor.peer());
}

}  // namespace hallway::message
