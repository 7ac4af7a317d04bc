// SPDX-License-Identifier: Apache-2.0
#include "message/server/takeover_words.hpp"

#include <charconv>

namespace hallway::message::takeover_words {

namespace {

constexpr std::string_view offered = "offer";

/// Takes " NUMBER" from the front of `words`. Only digits are valid, without leading zeros.
bool take_number(ByteView& words, std::uint64_t& number) {
  if (!words.starts_with(' ')) return false;
  words.remove_prefix(1);
  const bool leading_zero = words.size() > 1 && words[0] == '0' && words[1] != ' ';
  const auto [end, error] = std::from_chars(words.data(), words.data() + words.size(), number);
  if (error != std::errc() || leading_zero) return false;
  words.remove_prefix(static_cast<std::size_t>(end - words.data()));
  return true;
}

}  // namespace

std::string offer_of(const OfferedFiles& files) {
  std::string words(offered);
  for (const std::uint64_t number :
       {files.listener_device, files.listener_inode, files.control_device, files.control_inode}) {
    words.append(" ").append(std::to_string(number));
  }
  return words;
}

std::optional<OfferedFiles> read_offer(ByteView words) {
  if (!words.starts_with(offered)) return std::nullopt;
  words.remove_prefix(offered.size());
  OfferedFiles files;
  for (std::uint64_t* number : {&files.listener_device, &files.listener_inode,
                                &files.control_device, &files.control_inode}) {
    if (!take_number(words, *number)) return std::nullopt;
  }
  if (!words.empty()) return std::nullopt;
  return files;
}

std::optional<ByteView> read_refusal(ByteView words) {
  if (!words.starts_with(refusal)) return std::nullopt;
  return words.substr(refusal.size());
}

}  // namespace hallway::message::takeover_words
