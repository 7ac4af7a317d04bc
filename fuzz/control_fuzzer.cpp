// SPDX-License-Identifier: Apache-2.0
//
// Control messages: any bytes are walked to an end without leaving them, as the macros of cmsg(3)
// walk them; and what those macros wrote is read back item by item.
#include <sys/socket.h>

#include <cstring>
#include <string>
#include <vector>

#include "input.hpp"
#include "sys/control.hpp"

namespace {

using namespace hallway;
using fuzz::require;

struct Item {
  int level = 0;
  int type = 0;
  std::string payload;

  friend bool operator==(const Item&, const Item&) = default;
};

std::vector<Item> walked(ByteView control) {
  const ByteView whole = control;
  std::vector<Item> items;
  while (true) {
    const std::size_t before = control.size();
    const auto item = sys::next_control_item(control);
    if (!item) return items;
    require(control.size() < before);
    require(item->payload.data() >= whole.data());
    require(item->payload.data() + item->payload.size() <= whole.data() + whole.size());
    items.push_back({item->level, item->type, std::string(item->payload)});
  }
}

/// As cmsg(3) says: with a buffer that is aligned, and sized as CMSG_SPACE() makes it.
std::vector<Item> walked_by_macros(ByteView control) {
  std::vector<cmsghdr> aligned(control.size() / sizeof(cmsghdr) + 1);
  if (!control.empty()) std::memcpy(aligned.data(), control.data(), control.size());
  msghdr header{};
  header.msg_control = aligned.data();
  header.msg_controllen = control.size();
  std::vector<Item> items;
  for (cmsghdr* at = CMSG_FIRSTHDR(&header); at != nullptr; at = CMSG_NXTHDR(&header, at)) {
    // Whether an item is whole, the macros leave to their caller.
    const auto* begin = reinterpret_cast<const char*>(at);
    const auto* end = static_cast<const char*>(header.msg_control) + header.msg_controllen;
    if (at->cmsg_len < CMSG_LEN(0)) break;
    if (at->cmsg_len > static_cast<std::size_t>(end - begin)) break;
    items.push_back(
        {at->cmsg_level, at->cmsg_type,
         std::string(reinterpret_cast<const char*>(CMSG_DATA(at)), at->cmsg_len - CMSG_LEN(0))});
  }
  return items;
}

void append(std::string& control, const Item& item) {
  const std::size_t begin = control.size();
  control.resize(begin + CMSG_SPACE(item.payload.size()));
  cmsghdr header{};
  header.cmsg_len = CMSG_LEN(item.payload.size());
  header.cmsg_level = item.level;
  header.cmsg_type = item.type;
  std::memcpy(control.data() + begin, &header, sizeof header);
  item.payload.copy(control.data() + begin + CMSG_LEN(0), item.payload.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  if (input.chance()) {
    const ByteView bytes = input.take_rest();
    // Exactly as large as what is walked, so that one byte too many is seen.
    const std::vector<char> any(bytes.begin(), bytes.end());
    (void)walked({any.data(), any.size()});
    const std::vector<char> whole(
        any.begin(), any.end() - static_cast<std::ptrdiff_t>(any.size() % sizeof(std::size_t)));
    require(walked({whole.data(), whole.size()}) == walked_by_macros({whole.data(), whole.size()}));
    return 0;
  }
  std::vector<Item> items;
  std::string control;
  while (!input.used_up()) {
    const int level = input.byte();
    const int type = input.byte();
    items.push_back({level, type, std::string(input.take(input.byte()))});
    append(control, items.back());
  }
  require(walked(control) == items);
  return 0;
}
