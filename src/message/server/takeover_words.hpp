// SPDX-License-Identifier: Apache-2.0
//
// The messages between the two sides of a takeover (message/server/takeover.hpp). This file only
// formats and parses them. Input comes from another process and may be anything.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <hallway/bytes.hpp>

namespace hallway::message::takeover_words {

inline constexpr std::string_view greeting = "takeover 2";
inline constexpr std::string_view prove = "prove";
inline constexpr std::string_view proof = "proof";  // with the lock file, opened for writing
inline constexpr std::string_view ready = "ready";
inline constexpr std::string_view yours = "yours";
inline constexpr std::string_view later = "later";
inline constexpr std::string_view refusal = "no: ";

/// Identifies the files of the offered sockets, with device and inode as from stat(2).
struct OfferedFiles {
  std::uint64_t listener_device = 0;
  std::uint64_t listener_inode = 0;
  std::uint64_t control_device = 0;
  std::uint64_t control_inode = 0;

  friend bool operator==(const OfferedFiles&, const OfferedFiles&) = default;
};

std::string offer_of(const OfferedFiles& files);

/// Empty if `words` are not an offer. Only what offer_of() writes is an offer.
std::optional<OfferedFiles> read_offer(ByteView words);

/// The reason in a refusal; empty if `words` are not a refusal.
std::optional<ByteView> read_refusal(ByteView words);

}  // namespace hallway::message::takeover_words
