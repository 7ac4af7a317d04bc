// SPDX-License-Identifier: Apache-2.0
//
// A client of a hub that a random driver speaks for: what it was told to say, what the hub has to
// bring it, and what it got.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include <hallway/hub_rules.hpp>

#include "support/raw_socket.hpp"
#include "wire/nats_parser.hpp"

namespace hallway::torture {

/// What one subscription had to get, and got. All are messages.
struct Subscribed {
  std::string pattern;
  std::string group;
  OverflowPolicy policy = OverflowPolicy::disconnect;
  std::uint64_t most = UINT64_MAX;  ///< after so many it ends
  std::uint64_t expected = 0;
  std::uint64_t got = 0;
  std::uint64_t lost = 0;  ///< by the gaps that it was told of

  [[nodiscard]] std::uint64_t told() const noexcept { return got + lost; }
  [[nodiscard]] bool limited() const noexcept { return most != UINT64_MAX; }
  [[nodiscard]] bool latest_only() const noexcept { return policy == OverflowPolicy::latest_only; }
};

class DrivenClient {
 public:
  DrivenClient(test::RawStream of, unsigned of_uid) : stream(std::move(of)), uid(of_uid) {}

  /// Nothing that came before counts.
  void begin_account() noexcept;

  /// As much of `to_send` as `most` bytes, and as the kernel takes. What the hub will not hear,
  /// because it has closed the connection or this client its half, is forgotten.
  void send_some(std::size_t most);

  /// All that is there. It fails the test where the hub says what is no protocol.
  /// @return whether there was anything
  bool read_some();

  /// Whether everything it said and heard counts: it was not cut, and said nothing wild.
  [[nodiscard]] bool whole() const noexcept { return !wild && !stream.ended; }
  /// Whether the hub has answered all its PINGs, or need not.
  [[nodiscard]] bool quiet() const noexcept { return !whole() || pongs >= pings; }

  /// Whether it stops those who publish while it does not read.
  [[nodiscard]] bool has_publishers_wait() const noexcept {
    return std::ranges::any_of(
        subscribed, [](const auto& entry) { return entry.second.policy == OverflowPolicy::wait; });
  }

  test::RawStream stream;
  unsigned uid;
  OverflowPolicy policy = OverflowPolicy::disconnect;  ///< what it asked for
  bool echo = true;
  bool headers = true;
  bool reads = true;
  bool wild = false;  ///< what it does is not accounted for
  std::string to_send;
  std::map<std::string, Subscribed, std::less<>> subscribed;  ///< by sid
  std::uint64_t pings = 0;
  std::uint64_t pongs = 0;
  std::uint64_t asked = 0;  ///< for statistics
  std::uint64_t answered = 0;
  std::uint64_t refused = 0;  ///< messages that it published
  std::uint64_t refused_expected = 0;
  std::string last_error;  ///< the text of the last -ERR

 private:
  void take(const nats::Operation& operation);

  nats::Parser parser_{nats::Sender::server};
};

}  // namespace hallway::torture
