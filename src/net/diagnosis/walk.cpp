// SPDX-License-Identifier: Apache-2.0
#include "net/diagnosis/walk.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <chrono>
#include <deque>
#include <string>
#include <utility>

#include "sys/file.hpp"
#include "sys/inspect.hpp"

namespace hallway::net {

namespace {

StepKind kind_of(unsigned mode) {
  if (S_ISSOCK(mode)) return StepKind::socket;
  if (S_ISREG(mode)) return StepKind::regular;
  if (S_ISDIR(mode)) return StepKind::directory;
  if (S_ISLNK(mode)) return StepKind::symlink;
  if (S_ISFIFO(mode)) return StepKind::fifo;
  return S_ISCHR(mode) || S_ISBLK(mode) ? StepKind::device : StepKind::unknown;
}

const Mount* mount_with(const std::vector<Mount>& mounts, std::optional<std::uint64_t> id) {
  const auto found =
      std::ranges::find(mounts, id, [](const Mount& mount) { return std::optional(mount.id); });
  return found == mounts.end() ? nullptr : &*found;
}

class Walk {
 public:
  explicit Walk(Look& look) : look_(look), steps_(look.evidence.steps) {}

  void run(const std::string& path) {
    ends_with_slash_ = path.size() > 1 && path.ends_with('/');
    append_names(path);
    if (!begin(path.starts_with('/'))) return;
    while (!names_.empty()) {
      const std::string name = std::move(names_.front());
      names_.pop_front();
      if (name == "..") {
        if (!go_up()) return;
      } else if (!take(name)) {
        return;
      }
    }
    finish();
  }

 private:
  /// Whether paths of the subject begin in another place than ours do.
  [[nodiscard]] bool has_own_root() const { return look_.subject_root.holds_one(); }

  bool open_root() {
    auto root =
        has_own_root() ? sys::duplicate(look_.subject_root.get()) : sys::open_directory("/");
    path_ = "/";
    return arrive(std::move(root));
  }

  bool begin(bool absolute) {
    if (absolute) return open_root();
    const Subject& subject = look_.evidence.subject;
    path_ = subject.working_directory.empty() ? "." : subject.working_directory;
    if (look_.subject_directory.holds_one()) {
      return arrive(sys::duplicate(look_.subject_directory.get()));
    }
    const bool other = subject.kind == Subject::Kind::process && !subject.working_directory.empty();
    return arrive(sys::open_directory(other ? subject.working_directory : "."));
  }

  void append_names(std::string_view path) {
    std::deque<std::string> names;
    for (const std::string_view name : split(path, "/")) {
      if (name != ".") names.emplace_back(name);
    }
    names_.insert(names_.begin(), names.begin(), names.end());
  }

  [[nodiscard]] std::string joined(const std::string& name) const {
    return path_.ends_with('/') ? path_ + name : path_ + "/" + name;
  }

  /// Notes a step that could not be taken.
  bool fail(std::string path, int error) {
    PathStep step;
    step.path = std::move(path);
    step.kind = error == ENOENT ? StepKind::missing : StepKind::unknown;
    step.error = error;
    step.last = names_.empty();
    steps_.push_back(std::move(step));
    return false;
  }

  /// Continues at `directory`, at path_.
  bool arrive(sys::Expected<Descriptor> directory) {
    if (!directory) return fail(path_, directory.error());
    here_ = std::move(*directory);
    const auto details = sys::details_of(here_.get());
    if (!details) return fail(path_, details.error());
    add_step(path_, *details, here_);
    return true;
  }

  bool go_up() {
    if (path_ == "/") return true;
    auto parent = sys::open_name(here_.get(), "..");
    if (!parent) return fail(joined(".."), parent.error());
    path_.resize(std::max<std::size_t>(path_.rfind('/') + 1, 1));
    if (path_.size() > 1) path_.pop_back();
    return arrive(std::move(parent));
  }

  bool take(const std::string& name) {
    std::string path = joined(name);
    if (names_.empty() && !look_.parent.holds_one()) {
      if (auto copy = sys::duplicate(here_.get())) look_.parent = std::move(*copy);
    }
    auto opened = sys::open_name(here_.get(), name);
    if (!opened) return fail(std::move(path), opened.error());
    const auto details = sys::details_of(opened->get());
    if (!details) return fail(std::move(path), details.error());
    PathStep& step = add_step(path, *details, *opened);
    if (step.kind == StepKind::symlink) return follow(name, *opened, step);
    if (step.kind != StepKind::directory && !names_.empty()) {
      path += "/" + names_.front();
      names_.pop_front();
      return fail(std::move(path), ENOTDIR);
    }
    path_ = std::move(path);
    here_ = std::move(*opened);
    return true;
  }

  bool follow(const std::string& name, const Descriptor& link, PathStep& step) {
    const auto target = sys::read_link(link.get(), "");
    if (!target) {
      step.error = target.error();
      return false;
    }
    step.target = *target;
    if (++links_ > most_links) {
      step.error = ELOOP;
      return false;
    }
    // Links in /proc lead to the file itself; what they show need not be a path.
    if (step.mount && step.mount->type == "proc" && path_ != "/proc") {
      path_ = step.path;
      return arrive(sys::open_target(here_.get(), name));
    }
    if (target->starts_with('/')) {
      path_ = "/";
      auto root =
          has_own_root() ? sys::duplicate(look_.subject_root.get()) : sys::open_directory("/");
      if (!root) return fail("/", root.error());
      here_ = std::move(*root);
    }
    append_names(*target);
    return true;
  }

  PathStep& add_step(const std::string& path, const sys::FileDetails& details,
                     const Descriptor& opened) {
    PathStep step;
    step.path = path;
    step.kind = kind_of(details.mode);
    step.owner = details.uid;
    step.group = details.gid;
    step.owner_name = look_.accounts.user_name(details.uid);
    step.group_name = look_.accounts.group_name(details.gid);
    step.mode = details.mode & 07777U;
    step.inode = details.inode;
    step.links = details.links;
    step.mount_point = details.mount_point;
    step.immutable = details.immutable;
    step.last = names_.empty();
    take_mount(details, step);
    take_age(details, step);
    take_attributes(opened, step);
    take_access(opened, step);
    steps_.push_back(std::move(step));
    return steps_.back();
  }

  void take_mount(const sys::FileDetails& details, PathStep& step) const {
    // Our own mounts are among those of a process that has the same namespace and another root.
    const Mount* found = mount_with(look_.subject_mounts, details.mount);
    if (found == nullptr) found = mount_with(look_.our_mounts, details.mount);
    if (found != nullptr) step.mount = *found;
  }

  static void take_age(const sys::FileDetails& details, PathStep& step) {
    if (!details.created) return;
    const auto now = std::chrono::duration_cast<std::chrono::seconds>(
        std::chrono::system_clock::now().time_since_epoch());
    const auto age = now - std::chrono::seconds(*details.created);
    if (age >= std::chrono::seconds(0)) step.age = age;
  }

  void take_attributes(const Descriptor& opened, PathStep& step) {
    if (step.kind == StepKind::symlink || !look_.has_proc) return;
    const auto acl =
        sys::extended_attribute(sys::proc_path(opened.get()), "system.posix_acl_access");
    if (acl) {
      step.acl = parse_acl(*acl);
    } else if (acl.error() != ENODATA && acl.error() != EOPNOTSUPP) {
      look_.miss("the access control list of " + step.path + " (" + errno_words(acl.error()) + ")");
    }
  }

  void take_access(const Descriptor& opened, PathStep& step) const {
    if (look_.evidence.subject.kind != Subject::Kind::self) return;
    const bool directory = step.kind == StepKind::directory;
    if (!directory && !step.last) return;
    const auto access = directory ? sys::may_search(opened.get()) : sys::may_write(opened.get());
    const int error = access ? 0 : access.error();
    if (error != ENOSYS && error != EINVAL) step.access_error = error;
  }

  static std::string errno_words(int error) {
    return std::error_code(error, std::generic_category()).message();
  }

  void finish() {
    PathStep& last = steps_.back();
    look_.absolute = path_;
    if (ends_with_slash_ && last.kind != StepKind::directory) {
      fail(path_ + "/", ENOTDIR);
      return;
    }
    last.last = true;
    if (last.kind == StepKind::directory) last.empty = is_empty(here_);
    look_.reached = std::move(here_);
  }

  static std::optional<bool> is_empty(const Descriptor& directory) {
    const auto listing = sys::open_for_listing(directory.get(), ".");
    const auto entries =
        listing ? sys::list_directory(*listing, 1) : std::unexpected(listing.error());
    return entries ? std::optional(entries->empty()) : std::nullopt;
  }

  Look& look_;
  std::vector<PathStep>& steps_;
  std::deque<std::string> names_;  // those that are still to be looked up
  std::string path_;               // of here_
  Descriptor here_;
  int links_ = 0;
  bool ends_with_slash_ = false;
};

}  // namespace

void walk(Look& look) {
  const std::string& path = look.evidence.address.name();
  Walk(look).run(path);
  if (!look.absolute.empty()) return;
  // It ended early: what the path would be, without looking.
  const std::string& directory = look.evidence.subject.working_directory;
  look.absolute = path.starts_with('/') ? path : directory + "/" + path;
  const bool walked = !look.evidence.steps.empty();
  if (walked && look.evidence.steps.back().last) look.absolute = look.evidence.steps.back().path;
}

StepKind kind_in_our_view(const std::string& path) {
  const auto details = sys::details_at(path);
  return details ? kind_of(details->mode) : StepKind::missing;
}

}  // namespace hallway::net
