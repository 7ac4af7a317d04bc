// SPDX-License-Identifier: Apache-2.0
//
// One server continues in place of another. Its listening socket, the clients queued on it, its
// name and the lock on the name pass to a successor, over a control socket beside the path.
//
//   successor                                  predecessor, which continues to serve
//   "takeover 2"  ------------------------->
//                 <-------------------------   "prove"
//   "proof", and
//   the lock file ------------------------->
//                 <-------------------------   "offer DEVICE INODE DEVICE INODE", of the files of
//                                              listener and control socket; these, the lock, and
//                                              the TCP listeners of a hub
//   opens its server on them
//   "ready"       ------------------------->
//                 <-------------------------   "yours", and a file with the server's state, if it
//                                              has any; drains
//
// The name changes owners when "yours" is in the successor's queue. Until then the successor
// removes nothing and accepts no client, and the predecessor continues whatever happens to the
// successor. The answer "later" means that another successor is being served. If the connection
// ends without an answer, the predecessor is about to stop. "no: REASON" is a final refusal.
//
// A uid is not sufficient proof: a container may have our uid and the directory mounted read-only.
// So the successor proves two things. First, that it may write where the socket is: it passes the
// lock file, opened for writing, and the predecessor compares it with the file it has locked. A
// process that can do this could also remove the socket and bind the name by itself. Second, that
// it is in the predecessor's pid namespace, where a process of the same uid could end the
// predecessor. An abstract name has no directory, and is never taken over.
//
// The successor recognizes a TCP listener by the address it is bound to, and closes those that it
// does not want. Their predecessor closes its own with "yours", so a port that the successor does
// not serve is free from then on.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include <hallway/client.hpp>
#include <hallway/descriptor.hpp>
#include <hallway/listener.hpp>
#include <hallway/server.hpp>

#include "message/server/server_handover.hpp"
#include "net/socket_file.hpp"

namespace hallway::message {

/// The successor's side.
class TakeoverClient {
 public:
  /// Asks the server at `where` for a takeover.
  /// @return nullopt if no server there offers one
  /// Blocking: at most twice defaults::takeover_time.
  static Result<std::optional<TakeoverClient>> begin(const AddressSpec& where,
                                                     const BindOptions& options);

  /// Explains to a person why begin() returned nullopt, as far as that is known.
  static std::string why_not_offered(const Address& address);

  /// The listener to serve, and the control socket, on which the successor offers the same.
  [[nodiscard]] Listener take_listener() { return std::move(listener_); }
  [[nodiscard]] Listener take_control() { return std::move(control_); }
  /// The predecessor's TCP listeners.
  [[nodiscard]] std::vector<Descriptor> take_tcp() { return std::move(tcp_); }

  /// Completes the takeover once the servers on both sockets are ready. On success the names belong
  /// to the successor, which must claim them. An error changes nothing.
  /// @return the file with the predecessor's state; empty if it sent none
  /// @errors operation_canceled: the predecessor continued or ended instead
  /// Blocking: at most defaults::takeover_time.
  Result<Descriptor> complete();

 private:
  TakeoverClient(Client predecessor, Listener listener, Listener control,
                 std::vector<Descriptor> tcp)
      : predecessor_(std::move(predecessor)),
        listener_(std::move(listener)),
        control_(std::move(control)),
        tcp_(std::move(tcp)) {}

  Client predecessor_;
  Listener listener_;
  Listener control_;
  std::vector<Descriptor> tcp_;
};

/// The predecessor's side.
class TakeoverServer {
 public:
  /// What the server that is taken over does for its TakeoverServer.
  struct Host {
    /// What is offered; nullopt when the server is about to stop.
    std::move_only_function<Result<std::optional<net::Handover>>()> offer;
    /// The file with the server's state, as it is now; empty if there is none.
    std::move_only_function<Descriptor()> state;
    std::move_only_function<Result<std::vector<Descriptor>>()> offer_tcp;
    std::move_only_function<void(const Peer& successor)> hand_over;
  };

  /// Binds the control socket beside `address`, whose lock covers it.
  static Result<std::unique_ptr<TakeoverServer>> open(Loop& loop, const Address& address,
                                                      Host host);
  /// The same, on the control socket that a predecessor handed over.
  static Result<std::unique_ptr<TakeoverServer>> open(Loop& loop, Listener control, Host host);

  /// The address and the loss of the control socket, as Listener reports them.
  [[nodiscard]] const Address& address() const noexcept { return control_->address(); }
  [[nodiscard]] std::optional<std::string> lost() const { return control_->lost(); }

  Result<void> claim() { return detail::ServerHandover::claim(*control_); }
  void drain() { control_->drain(); }

 private:
  explicit TakeoverServer(Host host) : host_(std::move(host)) {}

  Task<> negotiate(Connection successor);
  Task<> offer(Connection& successor, const Descriptor& lock);

  Host host_;
  std::optional<hallway::Server> control_;
  bool offering_ = false;
};

}  // namespace hallway::message
