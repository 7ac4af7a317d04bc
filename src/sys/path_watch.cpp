// SPDX-License-Identifier: Apache-2.0
#include "sys/path_watch.hpp"

#include <fcntl.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "sys/adopted.hpp"
#include "sys/file.hpp"

namespace hallway::sys {

namespace {

constexpr int most_links = 40;  // the kernel's limit: path_resolution(7)

Expected<void> add_watch(int watch, const std::string& what, std::uint32_t events) {
  return check(Call::inotify_add_watch,
               [&] { return ::inotify_add_watch(watch, what.c_str(), events); });
}

/// Walks one path, component by component, and adds a watch on each.
class Walk {
 public:
  Walk(int watch, Descriptor from, std::string path)
      : watch_(watch), directory_(std::move(from)), rest_(std::move(path)) {}

  Expected<void> to_the_end() {
    while (true) {
      if (rest_.starts_with('/')) {
        auto root = open_directory("/");
        if (!root) return std::unexpected(root.error());
        directory_ = std::move(*root);
        rest_.erase(0, rest_.find_first_not_of('/'));
      }
      if (rest_.empty()) return {};
      if (auto stepped = step(); !stepped) return stepped;
    }
  }

 private:
  Expected<void> step() {
    const std::size_t end = rest_.find('/');
    const std::string name = rest_.substr(0, end);
    rest_.erase(0, rest_.find_first_not_of('/', end));
    const auto there = identify(directory_.get(), name);
    if (!there) return std::unexpected(there.error());
    if (const auto added = add(name, there->kind); !added) return added;
    if (there->kind == FileKind::symlink) return follow(name);
    if (there->kind != FileKind::directory) return {};
    auto next = open_name(directory_.get(), name);
    if (!next) return std::unexpected(next.error());
    directory_ = std::move(*next);
    return {};
  }

  Expected<void> follow(const std::string& name) {
    if (++links_ > most_links) return std::unexpected(ELOOP);
    auto target = read_link(directory_.get(), name);
    if (!target) return std::unexpected(target.error());
    rest_ = rest_.empty() ? std::move(*target) : *target + "/" + rest_;
    return {};
  }

  // Of a directory, only changes to itself are watched: in one such as /tmp, every file of other
  // users would wake us. A removed name shows as a change of the link count, because a bound socket
  // keeps its inode.
  Expected<void> add(const std::string& name, FileKind kind) {
    const std::string what = proc_path(directory_.get()) + "/" + name;
    std::uint32_t events = IN_MOVE_SELF | IN_DELETE_SELF | IN_DONT_FOLLOW;
    if (kind != FileKind::directory) events |= IN_ATTRIB;
    return add_watch(watch_, what, events);
  }

  int watch_;
  Descriptor directory_;
  std::string rest_;
  int links_ = 0;
};

}  // namespace

Expected<Descriptor> watch_path(int origin, const std::string& path) {
  const auto number =
      retry_on_eintr(Call::inotify_init, [] { return ::inotify_init1(IN_CLOEXEC | IN_NONBLOCK); });
  if (!number) return std::unexpected(number.error());
  auto watch = Descriptor::adopt(*number);
  auto from = open_name(origin, ".");
  if (!from) return std::unexpected(from.error());
  const auto walked = Walk(watch.get(), std::move(*from), path).to_the_end();
  if (!walked) return std::unexpected(walked.error());
  return watch;
}

Expected<Descriptor> watch_mounts() {
  return adopted(retry_on_eintr(
      Call::open, [] { return ::open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC); }));
}

}  // namespace hallway::sys
