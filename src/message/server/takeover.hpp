// SPDX-License-Identifier: Apache-2.0
//
// One server going on in the place of another: its listening socket, the clients queued on it, its
// name and the lock on that pass to a successor, over a control socket beside the path.
//
//   successor                                  predecessor, who goes on serving
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
// The name changes hands when "yours" is in the successor's queue. Up to then the successor removes
// nothing and accepts nobody, and whatever becomes of it, the predecessor goes on. "later" instead
// of an answer: somebody else is being served. A connection that ends without an answer: the
// predecessor is about to stop. "no: REASON" ends it.
//
// A uid is not proof enough: a container may have our uid, and the directory mounted read-only. So
// the successor proves two things. First, that it may write where the socket is: it passes the lock
// file, opened for writing, and the predecessor compares it with the file it has locked. A process
// that can do this could also remove the socket and bind the name by itself. Second, that it is in
// the predecessor's pid namespace, where a process of the same uid could end the predecessor. An
// abstract name has no directory, and is never taken over.
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
  /// Asks whoever serves `where`. Nothing: nobody there hands over.
  /// Blocking: at most twice defaults::takeover_time.
  static Result<std::optional<TakeoverClient>> begin(const AddressSpec& where,
                                                     const BindOptions& options);

  /// What is known about why begin() gave nothing, for a person.
  static std::string why_not_offered(const Address& address);

  /// To be served, and the control socket, on which the successor offers the same.
  [[nodiscard]] Listener take_listener() { return std::move(listener_); }
  [[nodiscard]] Listener take_control() { return std::move(control_); }

  /// The servers over both are ready. From its success on the names are the successor's, to be
  /// claimed. Nothing was changed by an error.
  /// @errors operation_canceled: the predecessor went on or ended instead
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
    /// What is offered; nothing when it is about to stop.
    std::move_only_function<Result<std::optional<Handover>>()> offer;
    std::move_only_function<void(const Peer& successor)> hand_over;
  };

  /// Binds the control socket beside `address`, whose lock covers it.
  static Result<std::unique_ptr<TakeoverServer>> open(Loop& loop, const Address& address,
                                                      Host server);
  /// The same on the control socket a predecessor handed over.
  static Result<std::unique_ptr<TakeoverServer>> open(Loop& loop, Listener control, Host server);

  /// Of the control socket; as Listener has it.
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
