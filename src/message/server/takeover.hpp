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
//                                              listener and control socket; these, and the lock
//   opens its server on them
//   "ready"       ------------------------->
//                 <-------------------------   "yours"; drains
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
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include <hallway/client.hpp>
#include <hallway/listener.hpp>
#include <hallway/server.hpp>

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

  /// Completes the takeover once the servers on both sockets are ready. On success the names belong
  /// to the successor, which must claim them. An error changes nothing.
  /// @errors operation_canceled: the predecessor continued or ended instead
  /// Blocking: at most defaults::takeover_time.
  Result<void> complete();

 private:
  TakeoverClient(Client predecessor, Listener listener, Listener control)
      : predecessor_(std::move(predecessor)),
        listener_(std::move(listener)),
        control_(std::move(control)) {}

  Client predecessor_;
  Listener listener_;
  Listener control_;
};

/// The predecessor's side.
class TakeoverServer {
 public:
  struct Host {
    /// What is offered; nullopt when the server is about to stop.
    std::move_only_function<Result<std::optional<Handover>>()> offer;
    std::move_only_function<void(const Peer& successor)> hand_over;
  };

  /// Binds the control socket beside `address`, whose lock covers it.
  static Result<std::unique_ptr<TakeoverServer>> open(Loop& loop, const Address& address,
                                                      Host server);
  /// The same, on the control socket that a predecessor handed over.
  static Result<std::unique_ptr<TakeoverServer>> open(Loop& loop, Listener control, Host server);

  /// The address and the loss of the control socket, as Listener reports them.
  [[nodiscard]] const Address& address() const noexcept { return control_->address(); }
  [[nodiscard]] std::optional<std::string> lost() const { return control_->lost(); }

  Result<void> claim() { return control_->claim(); }
  void drain() { control_->drain(); }

 private:
  explicit TakeoverServer(Host server) : host_(std::move(server)) {}

  Task<> negotiate(Connection successor);
  Task<> offer(Connection& successor, const Descriptor& lock);

  Host host_;
  std::optional<hallway::Server> control_;
  bool offering_ = false;
};

}  // namespace hallway::message
