// SPDX-License-Identifier: Apache-2.0
#include "message/server/takeover_words.hpp"

#include "core/number.hpp"

namespace hallway::message::takeover_words {

namespace {

constexpr std::string_view offered = "offer";

/// Takes " NUMBER" from the front of `words`. Only digits are valid, without leading zeros.
std::optional<std::uint64_t> take_number(ByteView& words) {
  if (!words.starts_with(' ')) return std::nullopt;
  words.remove_prefix(1);
  const bool leading_zero = words.size() > 1 && words[0] == '0' && words[1] != ' ';
  return leading_zero ? std::nullopt : core::take_number<std::uint64_t>(words);
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
    const auto taken = take_number(words);
    if (!taken) return std::nullopt;
    *number = *taken;
  }
  if (!words.empty()) return std::nullopt;
  return files;
}

std::optional<ByteView> read_refusal(ByteView words) {
  if (!words.starts_with(refusal)) return std::nullopt;
  return words.substr(refusal.size());
}

}  // namespace hallway::message::takeover_words
